/*
 * address.h: which addresses are of the public Internet.
 */
#ifndef BROKER_ADDRESS_H
#define BROKER_ADDRESS_H

#include <sys/socket.h>

#include "core/str.h"

/*
 * False for this machine, private networks, link-local ones (where clouds tell their machines'
 * secrets), and all that is reserved; for IPv4 inside IPv6 the inner address counts.
 */
bool address_is_public(const struct sockaddr *a);
/* "192.0.2.1": four numbers and nothing else. */
bool address_is_ipv4(struct str host);
/* … and of this machine. */
bool address_is_loopback(struct str host);

#endif
