# What people do with this project. `make` alone lists it. Everything works from a fresh Debian 12 with cargo.
.DEFAULT_GOAL := help
.PHONY: help build demo demo-keystone test browser test-keystone test-keystone-drivers simulate drills bench bench-copy bench-verify lint packages servers keystones monitoring tools deny deb

CARGO ?= cargo
FAULTS ?= 12000000
# tests on real servers mostly wait, so more of them than cores run at once
TEST_THREADS ?= 4

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-21s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: packages ## build the program, optimised, as target/release/keyward
	$(CARGO) build --release --locked

demo: packages ## the whole story on two real MariaDB servers in a temporary folder, in under a minute
	@$(CARGO) build --locked
	@target/debug/keyward demo $(DEMO)

demo-keystone: keystones ## the same for the users of two real Keystones, in two minutes; DEMO="--keystone newest" for the newest
	@$(CARGO) build --locked
	@KEYWARD_LAB_KEYSTONES=target/keystone KEYWARD_LAB_CACHE=target/keyward-lab \
		target/debug/keyward demo $(or $(DEMO),--keystone)

test: packages servers keystones monitoring browser ## every test, those on real servers too
	@TEST_THREADS=$(TEST_THREADS) scripts/run-tests

test-keystone-drivers: packages ## the Python package in keystone/ on a Keystone of Debian 12 and the newest
	@scripts/test-keystone-drivers

drills: packages ## whole outages on real servers, also over a network that misbehaves; DRILL=name for some of them
	$(CARGO) test --locked --no-fail-fast --test drills --test wire -- --test-threads=$(TEST_THREADS) $(DRILL)

test-keystone: keystones ## the tests on real Keystones alone, with what the drills measured; KEYSTONE=name for some
	$(CARGO) test --locked --no-fail-fast --test keystone -- --nocapture --test-threads=1 $(KEYSTONE)

simulate: ## the judge in simulated worlds, FAULTS=… of them (twelve million), or one world again with SEED=…
	@FAULTS=$(FAULTS) SEED=$(SEED) $(CARGO) test --locked --test judge every_promise -- --nocapture

bench: packages ## figures for the main job, beside their budgets: fault to hook, lag, /metrics, memory and CPU
	$(CARGO) bench --locked --bench main_job -- $(BENCH)

bench-copy: ## figures for copying 350 MB, against mariadb-dump and mydumper, which it installs
	@scripts/install-packages bench-copy
	$(CARGO) bench --locked --bench copy -- $(BENCH)

bench-verify: ## keyward verify beside Debian's pt-table-checksum on 2.4 million equal rows
	@scripts/install-packages bench-verify
	$(CARGO) bench --locked --bench verify -- $(BENCH)

lint: ## formatting, clippy and documentation, warnings denied
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps

deny: tools ## licences, sources, banned and reported packages
	scripts/check-packages

# a server that cannot be had (75) stops nothing: its tests are skipped, and counted
servers: packages ## fetch the database servers that Debian 12 does not have into target/servers
	@for kind in mariadb-11.8 mysql-9.7; do scripts/fetch-server $$kind || [ $$? -eq 75 ] || exit 1; done

keystones: packages ## fetch a Keystone of Debian 12 and the newest into target/keystone, and build keystone/ for them
	@for release in debian newest; do scripts/fetch-keystone $$release || [ $$? -eq 75 ] || exit 1; done
	@scripts/build-keystone-drivers || [ $$? -eq 75 ]

monitoring: packages
	@scripts/install-monitoring

# without it the drill of the status page is skipped, and counted
browser: packages
	@scripts/install-packages browser || echo "no browser: the status page is not tried in one" >&2

deb: packages ## build the Debian package, as target/debian/keyward_*.deb
	@scripts/install-tools cargo-deb
	@scripts/build-deb

packages: ## install the Debian packages that are missing
	@scripts/install-packages

tools: packages ## install cargo-deny into target/tools
	@scripts/install-tools
