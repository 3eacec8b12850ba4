/* SPDX-License-Identifier: GPL-2.0 */
/* cmocka and the headers it wants to come first. */
#ifndef AEROSTAT_TESTS_CMOCKA_TEST_H
#define AEROSTAT_TESTS_CMOCKA_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* cmocka prints both sides as numbers; these take any integer without a cast at each use. */
#define assert_eq(a, b)		assert_int_equal((uint64_t)(a), (uint64_t)(b))
#define assert_between(v, a, b) assert_in_range((uint64_t)(v), (uint64_t)(a), (uint64_t)(b))

/* `text` contains `part`; shows both when it does not. */
#define assert_contains(text, part)                                       \
	do {                                                              \
		if (!strstr((text), (part)))                              \
			fail_msg("\"%s\" is not in: %s", (part), (text)); \
	} while (0)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
