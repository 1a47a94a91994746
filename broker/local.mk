# libevent is for loop.c and libcurl for upstream.c alone, but automake knows flags per library.
BROKER_LIBS = broker/libbroker.a $(CORE_LIBS) $(CURL_LIBS) $(EVENT_LIBS) -lpthread
noinst_LIBRARIES += %D%/libbroker.a
%C%_libbroker_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(EVENT_CFLAGS)
%C%_libbroker_a_SOURCES =
%C%_libbroker_a_SOURCES += %D%/loop.c %D%/loop.h
%C%_libbroker_a_SOURCES += %D%/dialect.c %D%/dialect.h %D%/dialect_priv.h
%C%_libbroker_a_SOURCES += %D%/dialect_anthropic.c
%C%_libbroker_a_SOURCES += %D%/dialect_body.c
%C%_libbroker_a_SOURCES += %D%/dialect_openai.c
%C%_libbroker_a_SOURCES += %D%/upstream.c %D%/upstream.h
