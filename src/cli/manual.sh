#!/bin/sh
# Prints a man page made of what the program says of itself, so that the manual and the tables of
# options and keys cannot differ.
#
#   manual.sh PROGRAM 1    windlass(1): the verbs and their options
#   manual.sh PROGRAM 5    windlass-policy(5): the keys of a policy
#   manual.sh WORKER 5     windlass-profile(5): the keys of a profile
#   manual.sh WORKER 1     windlass-worker(1): its options, of one table with --help; or another
#                          program that is named so
set -eu
program=$1 section=$2
COLUMNS=78
export COLUMNS
version=$("$program" --version)

# Text as roff takes it.
escaped() {
	sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\([.']\)/\\\\\&\1/"
}

title() { # NAME SECTION SUMMARY
	printf '.TH %s %s "" "%s" "windlass"\n.SH NAME\n%s \\- %s\n' "$(echo "$1" | tr a-z A-Z)" "$2" \
		"$version" "$(echo "$1" | escaped)" "$3"
}

plain() {
	printf '.nf\n'
	escaped
	printf '.fi\n'
}

if [ "$section" = 5 ]; then
	if [ "$(basename "$program")" = windlass ]; then
		title windlass-policy 5 "how many instances a fleet has, and why"
		keys="help policy"
	else
		title windlass-profile 5 "what windlass-worker makes of a job"
		keys=--help-profile
	fi
	# Paragraphs up to the first key, which stands at the margin with its text indented below.
	# shellcheck disable=SC2086
	"$program" $keys | escaped | awk '
		BEGIN { print ".SH DESCRIPTION" }
		NR > 1 && /^$/ && !keys { keys = 1; print ".SH KEYS"; next }
		!keys { print; next }
		/^$/ { next }
		/^ / {
			sub(/^ +/, "")
			if (/^[.\047]/)
				$0 = "\\&" $0
			print
			if (type && /\.$/) {
				type = 0
				print ".br"
			}
			next
		}
		{ type = 1; print ".TP\n.B " $0 }'
	[ "$keys" = --help-profile ] ||
		printf '.SH FILES\n.TP\n.I /etc/windlass/policies\nwhere windlassd looks for policies unless told otherwise\n'
	printf '.SH SEE ALSO\n.BR windlass (1)\n'
	exit
fi
if [ "$(basename "$program")" != windlass ]; then
	name=$(basename "$program")
	help=$("$program" --help)
	title "$name" 1 "$(echo "$help" | sed -n 's/\.$//; 2p')"
	# An option's name stands at the left, its text at column 26, on the same line or below.
	echo "$help" | escaped | awk '
		NR == 1 { sub(/^Usage: /, ""); print ".SH SYNOPSIS\n" $0 "\n.SH DESCRIPTION"; next }
		/^Options:$/ { options = 1; print ".SH OPTIONS"; next }
		options && /^ +(\\-[a-zA-Z],|\\-\\-)/ {
			text = ""
			if (match($0, /[^ ]  +[^ \\]/)) {
				text = substr($0, RSTART + 1)
				$0 = substr($0, 1, RSTART)
			}
			sub(/^ +/, ""); sub(/^ +/, "", text)
			print ".TP\n.B " $0
			if (text) print text
			next
		}
		options && /^ / { sub(/^ +/, ""); print; next }
		options && /^[^ ]/ { options = 0; print ".SH NOTES" }
		/^$/ { print ".PP"; next }
		{ print; print ".br" }'
	printf '.SH ENVIRONMENT\nWhere an option is not given, the variable that its text names is taken; an empty one counts as not set. '
	printf 'Credentials, region and endpoint are found as the AWS SDKs find them.\n'
	printf '.SH SEE ALSO\n.BR windlass (1)\n'
	exit
fi
title windlass 1 "fleets of queue workers that are as large as their backlog needs"
printf '.SH SYNOPSIS\n.B windlass\n.I VERB\n[\\fIOPTION\\fR]... [\\fIOPERAND\\fR]...\n.SH VERBS\n'
overview=$("$program" help)
echo "$overview" | plain
for verb in $(echo "$overview" | awk '/^  [a-z]/ { print $1 }'); do
	printf '.SH "windlass %s"\n' "$(echo "$verb" | escaped)"
	if [ "$verb" = help ]; then
		printf 'windlass help VERB shows the options of one verb, windlass help policy the keys of a policy.\n'
	else
		"$program" help "$verb" | plain
	fi
done
printf '.SH SEE ALSO\n.BR windlass\\-policy (5)\n'
