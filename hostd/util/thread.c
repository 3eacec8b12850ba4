// SPDX-License-Identifier: GPL-2.0
#include "util/thread.h"

#include <pthread.h>

#define STACK_BYTES (128 * 1024)

int thread_start_detached(void *(*run)(void *userdata), void *userdata)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int ret;

	ret = pthread_attr_init(&attributes);
	if (ret)
		return -ret;
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	ret = pthread_create(&thread, &attributes, run, userdata);
	pthread_attr_destroy(&attributes);
	return -ret;
}
