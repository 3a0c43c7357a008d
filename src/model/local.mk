# src/model: sources, library and unit tests.
noinst_LIBRARIES += src/model/libmodel.a
src_model_libmodel_a_SOURCES = \
	src/model/calendar.c src/model/calendar.h src/model/facts.h src/model/outcome.h src/model/plan.h src/model/policy.h \
	src/model/job.c src/model/job.h \
	src/model/memory.c src/model/memory.h \
	src/model/record.c src/model/record.h \
	src/model/reasons.def src/model/say.c src/model/say.h src/model/say_json.c src/model/say_without.c src/model/season.c src/model/season.h \
	src/model/wait.c src/model/wait.h

if HAVE_CHECK
check_PROGRAMS += tests/unit/check_model
TESTS += tests/unit/check_model
endif
tests_unit_check_model_SOURCES = tests/unit/check_model.c tests/unit/check_model.h \
	tests/unit/check_model_record.c
tests_unit_check_model_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_check_model_LDADD = $(MODEL_LIBS) $(UNIT_LIBS)
