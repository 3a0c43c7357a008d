# src/local: sources, library and unit tests.
noinst_LIBRARIES += src/local/liblocal.a
src_local_liblocal_a_SOURCES = \
	src/local/local.h

# Auto Scaling: its actions, the instances, and what they can ask about themselves.
src_local_liblocal_a_SOURCES += \
	src/local/fleet.h \
	src/local/fleet_choose.c src/local/fleet_choose.h
