# libevent is for loop.c and libcurl for upstream.c alone, but automake knows flags per library.
BROKER_LIBS = broker/libbroker.a $(CORE_LIBS) $(CURL_LIBS) $(EVENT_LIBS) -lpthread
noinst_LIBRARIES += %D%/libbroker.a
%C%_libbroker_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(EVENT_CFLAGS)
%C%_libbroker_a_SOURCES =
%C%_libbroker_a_SOURCES += %D%/loop.c %D%/loop.h
%C%_libbroker_a_SOURCES += %D%/breaker.c %D%/breaker.h
%C%_libbroker_a_SOURCES += %D%/budget.c %D%/budget.h
%C%_libbroker_a_SOURCES += %D%/gcra.c %D%/gcra.h
%C%_libbroker_a_SOURCES += %D%/limiter.c %D%/limiter.h
%C%_libbroker_a_SOURCES += %D%/retry.c %D%/retry.h
%C%_libbroker_a_SOURCES += %D%/router.c %D%/router.h
%C%_libbroker_a_SOURCES += %D%/router_when.c
