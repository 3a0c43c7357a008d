/* Draws the charts of the report, and says below them what happened where somebody points.
 * Every text from outside is set as text, never as HTML. */
"use strict";

(function () {
	const data = JSON.parse(document.getElementById("data").textContent);
	const charts = [];
	const second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;

	function colour(name) {
		return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
	}

	/* "#1f6fb2" with so much of 255 to be seen. */
	function thin(name, share) {
		return colour(name) + Math.round(share * 255).toString(16).padStart(2, "0");
	}

	function two(n) {
		return String(n).padStart(2, "0");
	}

	function dayOf(ms) {
		const d = new Date(ms);
		return d.getUTCFullYear() + "-" + two(d.getUTCMonth() + 1) + "-" + two(d.getUTCDate());
	}

	function clockOf(ms, step) {
		const d = new Date(ms);
		const text = two(d.getUTCHours()) + ":" + two(d.getUTCMinutes());
		return step < minute ? text + ":" + two(d.getUTCSeconds()) : text;
	}

	function span(ms) {
		if (ms === 0)
			return "0 s";
		if (ms < 10 * second)
			return (ms / second).toFixed(1) + " s";
		if (ms < 2 * minute)
			return Math.round(ms / second) + " s";
		if (ms < 2 * hour)
			return Math.floor(ms / minute) + "m" + two(Math.round(ms / second) % 60) + "s";
		return Math.floor(ms / hour) + "h" + two(Math.floor(ms / minute) % 60) + "m";
	}

	function range(least, most) {
		return least === most ? String(least) : least + " to " + most;
	}

	function points(row, key) {
		return row[key].map((y, i) => ({ x: data.start_ms + i * row.step_ms, y: y }));
	}

	function most(key) {
		return data.rows.reduce((m, row) => row[key].reduce((n, v) => Math.max(n, v), m), 0);
	}

	/* A length between marks that people know, so that there are few. */
	function stepOf(length) {
		const steps = [second, 2 * second, 5 * second, 10 * second, 20 * second, 30 * second, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour,
			2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day, 28 * day, 56 * day];
		return steps.find((s) => length / s <= 7) || 182 * day;
	}

	const kinds = {
		arrivals: {
			sets: [{ label: "jobs arriving", key: "arrivals", colour: "blue", fill: 0.3 }],
			top: ["arrivals"],
		},
		backlog: {
			sets: [
				{ label: "least", key: "backlog_least", colour: "blue", fill: 0.6, line: 0 },
				{ label: "most", key: "backlog_most", colour: "blue", fill: 0.2 },
			],
			top: ["backlog_most"],
		},
		wait: {
			sets: [
				{ label: "mean", key: "wait_mean_ms", colour: "orange", fill: 0.6, line: 0 },
				{ label: "longest", key: "wait_most_ms", colour: "orange", fill: 0.2 },
			],
			top: ["wait_most_ms"],
			say: span,
		},
		capacity: {
			sets: [
				{ label: "desired", key: "desired_most", colour: "ink", stepped: true },
				{ label: "ready, least", key: "ready_least", colour: "green", fill: 0.6, line: 0, stepped: true },
				{ label: "ready, most", key: "ready_most", colour: "green", fill: 0.2, stepped: true },
			],
			top: ["desired_most", "ready_most"],
		},
	};

	function sets(row, kind) {
		const made = kinds[kind].sets.map((s) => ({
			label: s.label,
			data: points(row, s.key),
			borderColor: colour(s.colour),
			backgroundColor: s.fill ? thin(s.colour, s.fill) : "transparent",
			fill: s.fill ? "origin" : false,
			borderWidth: s.line === undefined ? 0.8 : s.line,
			pointRadius: 0,
			pointHitRadius: 0,
			stepped: s.stepped ? "before" : false,
		}));
		if (kind === "wait") {
			made.push({
				label: "promise",
				data: points(row, "arrivals").map((p) => ({ x: p.x, y: row.promise_ms })),
				borderColor: colour("bad"),
				backgroundColor: "transparent",
				order: -1,
				borderDash: [6, 4],
				borderWidth: 1.5,
				pointRadius: 0,
				pointHitRadius: 0,
				fill: false,
			});
		}
		return made;
	}

	function scales(row, kind) {
		const length = row.arrivals.length * row.step_ms, step = stepOf(length), first = data.start_ms;
		const say = kinds[kind].say || ((v) => (Number.isInteger(v) ? String(v) : ""));
		const tick = { color: colour("faint"), maxRotation: 0, autoSkip: false };
		return {
			x: {
				type: "linear",
				min: first,
				max: first + length,
				grid: { color: colour("line") },
				afterBuildTicks: (axis) => {
					axis.ticks = [];
					for (let at = Math.ceil(first / step) * step; at <= first + length; at += step)
						axis.ticks.push({ value: at });
				},
				ticks: {
					...tick,
					callback: (v) => (step < day && v % day !== 0 ? clockOf(v, step) : dayOf(v).slice(5)),
				},
			},
			y: {
				min: 0,
				grid: { color: colour("line") },
				afterBuildTicks: (axis) => {
					if (!kinds[kind].say)
						return;
					const every = stepOf(axis.max);
					axis.ticks = [];
					for (let at = 0; at <= axis.max; at += every)
						axis.ticks.push({ value: at });
				},
				ticks: { color: colour("faint"), maxTicksLimit: 6, callback: (v) => say(v) },
			},
		};
	}

	/* What happened in bin i of a row, and why: the bin's own reason, or that of the last look before. */
	function story(row, i) {
		const from = data.start_ms + i * row.step_ms;
		const lines = [dayOf(from) + " " + clockOf(from, row.step_ms) + " to " + clockOf(from + row.step_ms, row.step_ms) +
			": " + row.arrivals[i] + " jobs arrived, " + range(row.backlog_least[i], row.backlog_most[i]) + " waited, the longest " +
			span(row.wait_most_ms[i]) + "; instances desired " + range(row.desired_least[i], row.desired_most[i]) + ", ready " +
			range(row.ready_least[i], row.ready_most[i])];
		let at = i;

		while (at >= 0 && row.reason[at] < 0)
			at--;
		if (row.changes[i] > 1)
			lines.push("the largest of " + row.changes[i] + " changes:");
		if (at >= 0)
			lines.push(row.reasons[row.reason[at]]);
		return lines.join("\n");
	}

	function tell(number, i) {
		const row = data.rows[number], at = Math.max(0, Math.min(row.arrivals.length - 1, i));
		const place = document.querySelector(".why[data-row='" + number + "']");

		place.textContent = story(row, at);
		place.classList.add("said");
		return at;
	}

	function draw(canvas) {
		const number = Number(canvas.dataset.row), kind = canvas.dataset.chart, row = data.rows[number];
		let at = -1;

		function point(i) {
			at = tell(number, i);
		}
		const chart = new Chart(canvas, {
			type: "line",
			data: { datasets: sets(row, kind) },
			options: {
				animation: false,
				parsing: false,
				normalized: true,
				maintainAspectRatio: false,
				interaction: { mode: "index", axis: "x", intersect: false },
				scales: scales(row, kind),
				plugins: {
					legend: {
						display: kind !== "arrivals",
						labels: { color: colour("faint"), boxWidth: 12, font: { size: 11 } },
					},
					tooltip: {
						filter: (item) => item.dataset.label !== "promise",
						callbacks: {
							title: (items) => items.length ? dayOf(items[0].parsed.x) + " " + clockOf(items[0].parsed.x, row.step_ms) : "",
							label: (item) => item.dataset.label + ": " +
								(kinds[kind].say ? kinds[kind].say(item.parsed.y) : item.parsed.y),
						},
					},
				},
				onHover: (event, found) => {
					if (found.length > 0)
						point(found[0].index);
				},
			},
		});
		canvas.addEventListener("keydown", (event) => {
			const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -24, PageDown: 24 }[event.key];
			if (step === undefined)
				return;
			event.preventDefault();
			point(at + step);
		});
		charts.push({ chart: chart, kind: kind, row: row });
	}

	function scale() {
		const same = document.getElementById("same").checked;

		for (const c of charts) {
			const keys = kinds[c.kind].top;
			const top = Math.max(1, ...keys.map((k) => (same ? most(k) : c.row[k].reduce((m, v) => Math.max(m, v), 0))));
			const promised = c.kind === "wait" ? c.row.promise_ms * 1.1 : 0;

			c.chart.options.scales.y.suggestedMax = Math.max(top, promised);
			c.chart.update("none");
		}
	}

	/* Anew in the colours of now: of the scheme, or of paper. */
	function paint() {
		for (const c of charts) {
			const made = sets(c.row, c.kind), axes = scales(c.row, c.kind);

			made.forEach((s, i) => Object.assign(c.chart.data.datasets[i], s));
			c.chart.options.scales.x = axes.x;
			c.chart.options.scales.y = axes.y;
			c.chart.options.plugins.legend.labels.color = colour("faint");
		}
		scale();
	}

	document.querySelectorAll("canvas[data-chart]").forEach(draw);
	document.querySelectorAll(".why").forEach((p) => {
		p.textContent = "Point at a chart to read here what happened, and why.";
	});
	scale();
	document.getElementById("same").addEventListener("change", scale);
	window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
	window.addEventListener("beforeprint", () => {
		paint();
		charts.forEach((c) => c.chart.resize());
	});
	window.addEventListener("afterprint", () => {
		charts.forEach((c) => c.chart.resize());
		paint();
	});
	/* Two frames on, what was drawn is on the screen. */
	requestAnimationFrame(() => requestAnimationFrame(() => {
		document.documentElement.dataset.ready = "yes";
	}));
})();
