// SPDX-License-Identifier: GPL-2.0
/*
 * aerostatctl top: the host and its VMs, again and again. Each VM's line has a bar of its maximum:
 *
 *   #  used   =  cache that it could give   +  free   -  taken by the balloon   |  its target
 *
 * The lines are made by top_lines.c, the same for the screen and for --batch; here they are put
 * on the screen, and keys are read.
 */
#include "ctl/top.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/columns.h"
#include "ctl/options.h"
#include "ctl/select.h"
#include "ctl/top_lines.h"
#include "util/size.h"

#define DELAY_MIN_MS 200
#define FILTER_LEN   64

static const char help[] =
	"usage: aerostatctl top [OPTION]... [VM]...\n"
	"Show the host and its VMs, again and again; for a terminal of at least 80 by 24.\n"
	"\n"
	"  In a bar of a VM's maximum:  # used  = cache  + free  - taken by the balloon  | target\n"
	"  Keys: n name, a actual, u used, b ballooned, d demand: sort by that; r turn the order;\n"
	"        / show only names with this in them; arrows: scroll; q: end\n"
	"\n"
	"      --delay TIME  between two looks (default 2s)\n"
	"      --sort KEY    name, actual, used, ballooned or demand\n"
	"      --batch       print instead, without keys and colours; for a file or a pipe\n"
	"      --count N     end after N looks (with --batch the default is 1)\n"
	"      --bus BUS     system, or session (default where yours has one)\n"
	"  -j, --json        as status --json does, once\n"
	"  -h, --help        this text\n"
	"\n"
	"Exit status: 0 done, 1 failed or no such VM, 2 wrong usage, 3 aerostatd is not running\n"
	"or cannot be reached.";

struct screen {
	struct ctl_common common;
	char *const *patterns;
	size_t n_patterns;
	struct top_view view;
	uint32_t delay_ms;
	unsigned long count; /* 0: until somebody says so */
	size_t scroll;
	char filter[FILTER_LEN];
};

/* The status with the VMs that were asked for. */
static int look(const struct screen *screen, json_t **ret_status)
{
	json_t *status;
	int code;

	code = client_status(&screen->common.client, &status);
	if (code != CTL_OK)
		return code;
	code = select_vms(status, screen->patterns, screen->n_patterns);
	if (code != CTL_OK) {
		json_decref(status);
		return code;
	}
	if (!screen->common.json)
		make_printable(status);
	*ret_status = status;
	return CTL_OK;
}

static int run_batch(struct screen *screen)
{
	for (unsigned long i = 0; !screen->count || i < screen->count; i++) {
		struct top_lines lines;
		json_t *status;
		int code;

		if (i)
			usleep(screen->delay_ms * 1000);
		code = look(screen, &status);
		if (code != CTL_OK)
			return code;
		top_lines_make(status, &screen->view, &lines);
		if (i)
			putchar('\n');
		for (size_t k = 0; k < lines.n; k++)
			puts(lines.text[k]);
		top_lines_clear(&lines);
		json_decref(status);
		if (fflush(stdout))
			return CTL_FAILED; /* main() says so */
	}
	return CTL_OK;
}

static short colour_pair(enum colour which)
{
	switch (which) {
	case COLOUR_NONE:
		break;
	case COLOUR_GOOD:
		return 1;
	case COLOUR_WARNING:
		return 2;
	case COLOUR_BAD:
		return 3;
	}
	return 0;
}

static void draw_line(size_t y, const char *text, int attributes)
{
	attron(attributes);
	mvaddnstr((int)y, 0, text, (int)columns_cut(text, (size_t)COLS));
	attrset(A_NORMAL);
}

static void draw(struct screen *screen, const struct top_lines *lines)
{
	size_t rows = (size_t)LINES, y = 0;
	size_t room = rows > lines->n_head ? rows - lines->n_head : 0;
	size_t body = lines->n - lines->n_head;

	if (screen->scroll + room > body)
		screen->scroll = body > room ? body - room : 0;
	erase();
	for (; y < rows && y < lines->n_head; y++)
		draw_line(y, lines->text[y],
			  COLOR_PAIR(colour_pair(lines->colour[y])) |
				  (y + 1 == lines->n_head ? A_REVERSE : 0));
	for (size_t i = lines->n_head + screen->scroll; y < rows && i < lines->n; i++, y++)
		draw_line(y, lines->text[i], COLOR_PAIR(colour_pair(lines->colour[i])));
	refresh();
}

static void read_filter(struct screen *screen)
{
	timeout(-1);
	echo();
	curs_set(1);
	mvaddstr(LINES - 1, 0, "names with: ");
	clrtoeol();
	getnstr(screen->filter, sizeof(screen->filter) - 1);
	curs_set(0);
	noecho();
	screen->view.filter = screen->filter;
	screen->scroll = 0;
}

/* False: end. */
static bool obey(struct screen *screen, int key)
{
	switch (key) {
	case 'q':
		return false;
	case 'r':
		screen->view.reverse = !screen->view.reverse;
		break;
	case '/':
		read_filter(screen);
		break;
	case KEY_DOWN:
		screen->scroll++;
		break;
	case KEY_UP:
		screen->scroll -= screen->scroll > 0;
		break;
	case KEY_NPAGE:
		screen->scroll += (size_t)LINES / 2;
		break;
	case KEY_PPAGE:
		screen->scroll -= screen->scroll < (size_t)LINES / 2 ? screen->scroll
								     : (size_t)LINES / 2;
		break;
	default:
		top_sort_by_key(&screen->view, key);
		break;
	}
	return true;
}

static int run_screen(struct screen *screen)
{
	int code = CTL_OK;

	for (unsigned long i = 0; !screen->count || i < screen->count;) {
		struct top_lines lines;
		json_t *status;
		int key;

		code = look(screen, &status);
		if (code != CTL_OK)
			break;
		screen->view.width = COLS;
		top_lines_make(status, &screen->view, &lines);
		draw(screen, &lines);
		top_lines_clear(&lines);
		json_decref(status);
		timeout((int)screen->delay_ms);
		key = getch();
		if (key == ERR)
			i++;
		else if (!obey(screen, key))
			break;
	}
	return code;
}

/* Messages come after the screen is gone, or nobody could read them. */
static int with_screen(struct screen *screen)
{
	SCREEN *terminal;
	int code;

	/* From anything else curses reads no keys, and without a pause. */
	terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? newterm(NULL, stdout, stdin)
								 : NULL;
	if (!terminal) {
		fprintf(stderr, "aerostatctl: top: no terminal; try --batch\n");
		return CTL_FAILED;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	if (has_colors() && !getenv("NO_COLOR")) {
		start_color();
		use_default_colors();
		init_pair(1, COLOR_GREEN, -1);
		init_pair(2, COLOR_YELLOW, -1);
		init_pair(3, COLOR_RED, -1);
	}
	/* One look before the screen says why there is nothing to see. */
	code = run_screen(screen);
	endwin();
	delscreen(terminal);
	return code;
}

static int start(struct screen *screen, bool batch)
{
	json_t *status;
	int code;

	code = look(screen, &status); /* whatever is wrong is said on an ordinary screen */
	if (code != CTL_OK)
		return code;
	if (screen->common.json)
		code = print_json(status);
	json_decref(status);
	if (screen->common.json || code != CTL_OK)
		return code;
	return batch ? run_batch(screen) : with_screen(screen);
}

int ctl_top(int argc, char **argv)
{
	const char *delay = "2s", *sort = "actual", *count = NULL;
	bool batch = false;
	const struct ctl_option own[] = { { .name = "delay", .value = &delay },
					  { .name = "sort", .value = &sort },
					  { .name = "count", .value = &count },
					  { .name = "batch", .flag = &batch },
					  { 0 } };
	struct screen screen = { .view = { .width = TOP_WIDTH_MIN } };
	uint64_t looks = 0;
	int code;

	if (!ctl_parse(argc, argv, help, own, &screen.common, &code))
		return code;
	if (size_parse_ms(delay, &screen.delay_ms) || screen.delay_ms < DELAY_MIN_MS) {
		fprintf(stderr, "aerostatctl: top: '%s' is not a time of at least 200ms\n", delay);
		return CTL_USAGE;
	}
	if (!top_sort_by_name(&screen.view, sort)) {
		fprintf(stderr, "aerostatctl: top: cannot sort by '%s' (see --help)\n", sort);
		return CTL_USAGE;
	}
	if (count && (size_parse_count(count, &looks) || !looks)) {
		fprintf(stderr, "aerostatctl: top: '%s' is not a number of looks\n", count);
		return CTL_USAGE;
	}
	screen.count = count ? (unsigned long)looks : batch;
	screen.view.filter = screen.filter;
	screen.patterns = argv + screen.common.first;
	screen.n_patterns = (size_t)(argc - screen.common.first);
	return start(&screen, batch);
}
