/*
 * address.c: see address.h.
 *
 * Sources: IANA special-purpose address registries for IPv4 and IPv6 (2025-10); RFC 6052 (64:ff9b),
 * RFC 3056 (6to4), RFC 4380 (Teredo).
 */
#include "broker/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct {
    uint32_t net;
    int bits;
} special4[] = {
    {0x00000000, 8},  /* this network */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* shared by providers */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* link-local */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocol assignments */
    {0xc0000200, 24}, /* documentation */
    {0xc0586300, 24}, /* 6to4 relays */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* benchmarks */
    {0xc6336400, 24}, /* documentation */
    {0xcb007100, 24}, /* documentation */
    {0xe0000000, 4},  /* multicast */
    {0xf0000000, 4},  /* reserved, and broadcast */
};
/* clang-format on */

static uint32_t read4(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool is_public4(uint32_t a)
{
    for (size_t i = 0; i < ARRAY_LEN(special4); i++)
        if ((a ^ special4[i].net) >> (32 - special4[i].bits) == 0)
            return false;
    return true;
}

static bool is_public6(const unsigned char *b)
{
    static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (memcmp(b, nat64, sizeof nat64) == 0)
        return is_public4(read4(b + 12));
    if (b[0] == 0x20 && b[1] == 0x02) /* 6to4 */
        return is_public4(read4(b + 2));
    bool is_teredo = read4(b) == 0x20010000;
    bool is_documentation = read4(b) == 0x20010db8;
    /* global unicast is 2000::/3; mapped, unique local, link-local and loopback are outside */
    return (b[0] & 0xe0) == 0x20 && !is_teredo && !is_documentation;
}

bool address_is_public(const struct sockaddr *a)
{
    unsigned char b[16];
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (a->sa_family == AF_INET) {
        memcpy(b, (const char *)a + offsetof(struct sockaddr_in, sin_addr), 4);
        return is_public4(read4(b));
    }
    if (a->sa_family != AF_INET6)
        return false;
    memcpy(b, (const char *)a + offsetof(struct sockaddr_in6, sin6_addr), 16);
    if (memcmp(b, mapped, sizeof mapped) == 0)
        return is_public4(read4(b + 12));
    return is_public6(b);
}

static bool read_ipv4(struct str host, struct in_addr *ret)
{
    char text[INET_ADDRSTRLEN];
    if (host.len == 0 || host.len >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", STR_ARG(host));
    return inet_pton(AF_INET, text, ret) == 1;
}

bool address_is_ipv4(struct str host)
{
    struct in_addr a;
    return read_ipv4(host, &a);
}

bool address_is_loopback(struct str host)
{
    struct in_addr a;
    return read_ipv4(host, &a) && ntohl(a.s_addr) >> 24 == 127;
}
