// SPDX-License-Identifier: GPL-2.0
/* Per-VM settings from their text (tune.h): one table, a row a field. */
#include "conf/tune.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define SHARES_MAX	    1000000
#define BUFFER_MAX_PERMILLE 2000
#define WHOLE_PERMILLE	    1000
#define LIMIT_MIN_KIB	    1024

struct tune_field {
	const char *key;
	size_t offset; /* of what parse() sets, in struct vm_tune, */
	size_t size; /* and its size: all zero means not set */
	int (*parse)(const char *value, struct vm_tune *tune);
	const char *expected;
};

static int parse_reservation(const char *value, struct vm_tune *tune)
{
	struct amount amount;
	int ret;

	ret = size_parse_amount(value, &amount);
	if (ret)
		return ret;
	if (amount.unit == AMOUNT_PERMILLE && amount.value > WHOLE_PERMILLE)
		return -ERANGE;
	tune->reservation = amount;
	return 0;
}

/* A limit of nothing would be a typing error with dire results: refused. */
static int parse_limit(const char *value, struct vm_tune *tune)
{
	struct amount amount;
	int ret;

	ret = size_parse_amount(value, &amount);
	if (ret)
		return ret;
	if (amount.unit == AMOUNT_PERMILLE && (!amount.value || amount.value > WHOLE_PERMILLE))
		return -ERANGE;
	if (amount.unit == AMOUNT_KIB && amount.value < LIMIT_MIN_KIB)
		return -ERANGE;
	tune->limit = amount;
	return 0;
}

static int parse_shares(const char *value, struct vm_tune *tune)
{
	uint64_t shares;
	int ret;

	ret = size_parse_count(value, &shares);
	if (ret)
		return ret;
	if (!shares || shares > SHARES_MAX)
		return -ERANGE;
	tune->shares = opt_some(shares);
	return 0;
}

static int parse_buffer(const char *value, struct vm_tune *tune)
{
	uint32_t permille;
	int ret;

	ret = size_parse_permille(value, &permille);
	if (ret)
		return ret;
	if (permille > BUFFER_MAX_PERMILLE)
		return -ERANGE;
	tune->buffer_permille = opt_some(permille);
	return 0;
}

static int parse_mode(const char *value, struct vm_tune *tune)
{
	static const enum vm_mode modes[] = { VM_MODE_AUTO, VM_MODE_OBSERVE, VM_MODE_OFF };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(value, vm_mode_to_string(modes[i]))) {
			tune->mode = opt_some(modes[i]);
			return 0;
		}
	}
	return -EINVAL;
}

#define FIELD(name) offsetof(struct vm_tune, name), sizeof(((struct vm_tune *)0)->name)

static const struct tune_field fields[] = {
	{ "reservation", FIELD(reservation), parse_reservation,
	  "a size such as 512M or 1.5G, or a percentage of the VM's maximum from 0% to 100%" },
	{ "limit", FIELD(limit), parse_limit,
	  "a size such as 512M or 1.5G, at least 1M, or a percentage of the VM's maximum from 0.1% to 100%" },
	{ "shares", FIELD(shares), parse_shares, "a number from 1 to 1000000" },
	{ "buffer", FIELD(buffer_permille), parse_buffer, "a percentage from 0% to 200%" },
	{ "mode", FIELD(mode), parse_mode, "auto, observe or off" },
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

int tune_set(struct vm_tune *tune, const char *key, const char *value, const char **ret_expected)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		int ret;

		if (strcmp(fields[i].key, key) != 0)
			continue;
		ret = fields[i].parse(value, tune);
		if (ret)
			*ret_expected = fields[i].expected;
		return ret;
	}
	return -ENOENT;
}

int tune_unset(struct vm_tune *tune, const char *key)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		if (strcmp(fields[i].key, key) != 0)
			continue;
		memset((char *)tune + fields[i].offset, 0, fields[i].size);
		return 0;
	}
	return -ENOENT;
}

const char *tune_key(size_t index)
{
	return index < N_FIELDS ? fields[index].key : NULL;
}

bool tune_class_name_valid(const char *name)
{
	size_t length = strlen(name);

	if (!length || length >= CONF_CLASS_NAME_LEN)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("._-", *name))
			return false;
	return true;
}

void tune_override(struct vm_tune *base, const struct vm_tune *over)
{
	if (over->class_name[0])
		memcpy(base->class_name, over->class_name, sizeof(base->class_name));
	if (over->reservation.unit != AMOUNT_UNSET)
		base->reservation = over->reservation;
	if (over->limit.unit != AMOUNT_UNSET)
		base->limit = over->limit;
	if (over->shares.known)
		base->shares = over->shares;
	if (over->buffer_permille.known)
		base->buffer_permille = over->buffer_permille;
	if (over->mode.known)
		base->mode = over->mode;
}

/* An amount as the pair the policy takes: an absolute size, or else a share of the maximum. */
static void split_amount(struct amount amount, uint32_t unset_permille, struct opt_u64 *ret_kib,
			 uint32_t *ret_permille)
{
	*ret_kib = opt_none();
	*ret_permille = unset_permille;
	switch (amount.unit) {
	case AMOUNT_UNSET:
		break;
	case AMOUNT_KIB:
		*ret_kib = opt_some(amount.value);
		break;
	case AMOUNT_PERMILLE:
		*ret_permille = (uint32_t)amount.value;
		break;
	}
}

int tune_to_settings(const struct vm_tune *tune, struct vm_settings *ret_settings)
{
	struct vm_settings settings = {
		.shares = (uint32_t)opt_or(tune->shares, 1),
		.buffer_permille = (uint32_t)opt_or(tune->buffer_permille, 0),
		.mode = (enum vm_mode)opt_or(tune->mode, VM_MODE_AUTO),
	};

	if (tune->reservation.unit == tune->limit.unit && tune->limit.unit != AMOUNT_UNSET &&
	    tune->reservation.value > tune->limit.value)
		return -ERANGE;
	split_amount(tune->reservation, 0, &settings.reservation_kib,
		     &settings.reservation_permille);
	split_amount(tune->limit, WHOLE_PERMILLE, &settings.limit_kib, &settings.limit_permille);
	*ret_settings = settings;
	return 0;
}

const char *vm_mode_to_string(enum vm_mode mode)
{
	switch (mode) {
	case VM_MODE_AUTO:
		return "auto";
	case VM_MODE_OBSERVE:
		return "observe";
	case VM_MODE_OFF:
		return "off";
	}
	return "unknown";
}
