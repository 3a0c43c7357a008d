# src/doctor: sources and library.
noinst_LIBRARIES += src/doctor/libdoctor.a
src_doctor_libdoctor_a_SOURCES = src/doctor/doctor.h src/doctor/doctor.c src/doctor/environment.c \
	src/doctor/fix.c src/doctor/group.c src/doctor/iam.c src/doctor/iam.h src/doctor/identity.c src/doctor/metric.c src/doctor/queue.c src/doctor/queue_past.c
