# Set-up shared by tests/run and examples/quickstart/run: the Debian packages that each
# needs, and the build. Sourced from the top of the tree; plain sh, because on a fresh
# machine there is nothing else yet.

PACKAGES_BUILD="gcc libc6-dev make autoconf automake pkg-config libuv1-dev libcurl4-openssl-dev
	libmicrohttpd-dev libssl-dev libjson-c-dev libyaml-dev libexpat1-dev libsqlite3-dev
	libhiredis-dev libseccomp-dev libcbor-dev zlib1g-dev libjs-chart.js"
PACKAGES_QUICKSTART="ffmpeg gnuplot-nox python3 tzdata"
PACKAGES_WORKER="ffmpeg python3 python3-boto3"
PACKAGES_MIGRATION="ffmpeg python3 python3-boto3 python3-celery python3-redis redis-server"
PACKAGES_TESTS="check clang-format git python3 python3-venv ca-certificates
	awscli python3-boto3 ffmpeg gnuplot-nox tzdata redis-server python3-celery python3-redis openssl"
# Clients of the embedded cloud that are not ours.
PACKAGES_CLIENTS="python3-pycurl rclone s3cmd"
# The engine of the package chromium without its windows: a quarter less to install.
PACKAGES_BROWSER="chromium-headless-shell"
# Plays AWS for tests/bench/ten-thousand.
PACKAGES_BENCH="nginx-light"

setup_fail() {
	echo "$*" >&2
	exit 1
}

# Prints those of the named packages that are not installed.
packages_missing() {
	for package in "$@"; do
		state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || state=none
		[ "$state" = installed ] || printf ' %s' "$package"
	done
}

# Installs what is missing of the named packages and leaves everything else as it is.
packages_install() {
	if ! command -v dpkg-query >/dev/null 2>&1; then
		echo "set-up: this is not Debian; going on in the hope that these are there:" $* >&2
		return 0
	fi
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0

	if [ "$(id -u)" -eq 0 ]; then
		as_root=
	elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
		as_root="sudo -n"
	else
		setup_fail "apt-get install --no-install-recommends$missing"
	fi
	echo "set-up: installing$missing"
	mkdir -p build
	log=build/install.log
	# An old list can still name what is needed, so a failed update alone is no reason to stop.
	[ -n "${packages_listed:-}" ] || $as_root apt-get -q update >"$log" 2>&1 ||
		echo "set-up: apt-get update failed, see $log" >&2
	packages_listed=yes
	if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
		install --no-install-recommends $missing </dev/null >>"$log" 2>&1; then
		tail -n 20 "$log" >&2
		setup_fail "set-up: could not install$missing (all of the output: $log)"
	fi
}

# The same for what can be done without: the tests that need it are skipped by name.
packages_try() {
	(packages_install "$@") || echo "set-up: going on without $*" >&2
}

# build_tree DIR TARGET CONFIGURE-ARGUMENTS...: configures DIR when its arguments or the
# build's own files are new, and makes TARGET ("all", or "none" to configure only) there.
build_tree() {
	dir=$1 target=$2
	shift 2
	mkdir -p "$dir"
	if [ ! -x configure ] || [ configure.ac -nt configure ] || [ Makefile.am -nt Makefile.in ] ||
		[ -n "$(find src -name local.mk -newer Makefile.in 2>/dev/null)" ]; then
		./autogen.sh >"$dir/autogen.log" 2>&1 || {
			tail -n 20 "$dir/autogen.log" >&2
			setup_fail "set-up: autogen.sh failed (all of the output: $dir/autogen.log)"
		}
	fi
	if [ ! -f "$dir/Makefile" ] || [ "$(cat "$dir/configured-with" 2>/dev/null)" != "$*" ]; then
		(cd "$dir" && ../../configure "$@") >"$dir/configure.log" 2>&1 || {
			grep -h 'error:' "$dir/configure.log" >&2 || tail -n 20 "$dir/configure.log" >&2
			setup_fail "set-up: configure failed (all of the output: $dir/configure.log)"
		}
		echo "$*" >"$dir/configured-with"
	fi
	[ "$target" != none ] || return 0
	make -C "$dir" -j2 "$target" >"$dir/make.log" 2>&1 || {
		grep -h -E 'error|undefined reference|\*\*\*' "$dir/make.log" | head -n 20 >&2
		setup_fail "set-up: make failed (all of the output: $dir/make.log)"
	}
}
