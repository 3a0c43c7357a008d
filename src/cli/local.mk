# src/cli: sources, library and unit tests.
noinst_LIBRARIES += src/cli/libcli.a
src_cli_libcli_a_SOURCES = \
	src/cli/cli.c src/cli/cli.h src/cli/doctor.c src/cli/doctor_look.c src/cli/doctor_look.h src/cli/doctor_past.c src/cli/doctor_past.h src/cli/iam_policy.c src/cli/verbs.def \
	src/cli/eval.c src/cli/explain.c src/cli/fetch.c src/cli/history.c src/cli/history.h src/cli/history_compare.c \
	src/cli/history_score.c \
	src/cli/once.c src/cli/once.h src/cli/plan.c src/cli/plan_cost.c src/cli/plan_cost.h src/cli/policies.c src/cli/policies.h src/cli/replay.c \
	src/cli/schema.c src/cli/local.c src/cli/migrate.c src/cli/migrate.h src/cli/migrate_check.c src/cli/queue.c src/cli/queue.h src/cli/queue_move.c \
	src/cli/schema.c src/cli/local.c src/cli/migrate.c src/cli/queue.c src/cli/queue.h src/cli/queue_carry.c src/cli/queue_carry.h src/cli/queue_move.c src/cli/queue_peek.c \
	src/cli/lines.c src/cli/lines.h src/cli/send.c src/cli/send.h src/cli/send_batch.c \
	src/cli/simulate.c src/cli/simulate.h src/cli/simulate_ask.c src/cli/simulate_course.c \
	src/cli/simulate_journal.c \
	src/cli/simulate_measure.c src/cli/simulate_measures.def \
	src/cli/simulate_page.c src/cli/simulate_report.c \
	src/cli/status.c src/cli/status_endpoints.c src/cli/status_endpoints.h src/cli/test.c src/cli/trace.c src/cli/trace.h src/cli/trace_fill.c src/cli/tune.c src/cli/tune.h src/cli/tune_axes.c \
	src/cli/tune_chart.c src/cli/tune_diff.c src/cli/tune_edit.c src/cli/tune_play.c src/cli/tune_report.c \
	src/cli/turn.c src/cli/validate.c

# What a report is made of is built into it.
EXTRA_DIST += src/cli/simulate_page.css src/cli/simulate_page.js
src/cli/simulate_page.$(OBJEXT): $(top_srcdir)/src/cli/simulate_page.css $(top_srcdir)/src/cli/simulate_page.js
