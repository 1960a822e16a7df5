//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gsbatch/writers"
)

// TestLook opens the report pages of several runs in a real browser, in narrow
// and wide windows, light and dark. GSBATCH_CHROMIUM names the browser;
// GSBATCH_SHOTS a folder to keep pictures in. make look sets the first.
func TestLook(t *testing.T) {
	path := os.Getenv("GSBATCH_CHROMIUM")
	if path == "" {
		t.Skip("no page is looked at: GSBATCH_CHROMIUM names no browser (make look)")
	}
	shots := os.Getenv("GSBATCH_SHOTS")
	pages := lookPages(t)
	b := newBrowser(t, path)
	for _, page := range pages {
		for _, l := range []look{{360, "light", "screen"}, {360, "dark", "screen"}, {700, "light", "screen"}, {1280, "light", "screen"}, {1280, "dark", "screen"}, {800, "dark", "print"}} {
			b.show(page.path, l)
			var faults []string
			b.evaluate(faultsScript, &faults)
			for _, fault := range faults {
				t.Errorf("%s %v: %s", page.name, l, fault)
			}
			if shots != "" {
				b.keep(shots, page.name+"-"+l.String())
			}
		}
		if shots != "" {
			b.print(shots, page.name)
		}
	}
	t.Logf("%d pages looked at in %s", len(pages), path)
}

// faultsScript finds what is wrong with a page as it is laid out: a window that
// scrolls sideways, text that is hard to read, too small, one upon another or
// out of its picture, headings out of order, boxes that scroll and cannot be
// reached with the keyboard, and anything that is not text and shapes.
const faultsScript = `(() => {
const faults = [], say = (what, e) => faults.push(what + ": " + (e ? "<" + e.tagName.toLowerCase() + "> " + (e.textContent || "").trim().slice(0, 60) : ""));
const root = document.documentElement;
if (root.scrollWidth > innerWidth) say("the window scrolls sideways by " + (root.scrollWidth - innerWidth));
if (document.scripts.length || performance.getEntriesByType("resource").length) say("scripts or resources");
for (const e of document.querySelectorAll("*")) {
  for (const a of e.attributes) if (/^on/.test(a.name) || /^(https?:)?\/\//.test(a.value)) say("attribute " + a.name, e);
  if (/^(img|iframe|object|embed|link|base|form|input|button|script|foreignObject|image|use|a)$/i.test(e.tagName)) say("element", e);
}
const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
const light = c => { const f = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; return .2126 * f(c[0]) + .7152 * f(c[1]) + .0722 * f(c[2]); };
const contrast = (a, b) => { const x = light(a), y = light(b); return (Math.max(x, y) + .05) / (Math.min(x, y) + .05); };
const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0 && !(e instanceof SVGElement)) return c; } return [255, 255, 255, 1]; };
const visible = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true}) && e.getClientRects().length > 0;
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const e = walk.currentNode.parentElement;
  if (!walk.currentNode.data.trim() || !visible(e) || /^(title|desc|style)$/i.test(e.tagName)) continue;
  const style = getComputedStyle(e), svg = e.closest("svg");
  let grounds = [ground(e)], size = parseFloat(style.fontSize);
  if (svg) {
    size *= svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    if (e.classList.contains("flagtext")) grounds = [parse(getComputedStyle(e.previousElementSibling).fill)];
    else if (e.transform.baseVal.length) grounds.push(...[...svg.querySelectorAll("path.stopped,path.waiting,path.throttled")].map(p => parse(getComputedStyle(p).fill)));
  }
  const ink = parse(svg ? style.fill : style.color);
  for (const g of grounds) if (contrast(ink, g) < 4.5) say("contrast " + contrast(ink, g).toFixed(2) + " of " + ink + " on " + g, e);
  if (size < 10.5) say("text of " + size.toFixed(1) + " pixels", e);
}
const pictures = [...document.querySelectorAll("svg.picture")].filter(visible);
if (document.querySelector("svg.picture") && pictures.length !== 1) say(pictures.length + " pictures are shown");
for (const svg of pictures) {
  const box = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll("text")].map(e => [e, e.getBoundingClientRect()]);
  for (const [e, r] of texts) if (r.left < box.left - 1 || r.right > box.right + 1 || r.top < box.top - 1 || r.bottom > box.bottom + 1) say("out of the picture", e);
  texts.forEach(([e, r], i) => texts.slice(i + 1).forEach(([f, s]) => {
    if (r.left < s.right - 1 && s.left < r.right - 1 && r.top < s.bottom - 2 && s.top < r.bottom - 2) say("overlaps " + f.textContent, e);
  }));
  if (!svg.querySelector("title").textContent || !svg.querySelector("desc").textContent) say("a picture without words", svg);
}
let level = 0;
for (const h of document.querySelectorAll("h1,h2,h3,h4")) {
  const n = +h.tagName[1];
  if (n > level + 1 || n === 1 && level) say("heading out of order", h);
  level = n;
}
for (const e of document.querySelectorAll("*")) if (visible(e) && e.scrollWidth > e.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(e).overflowX) && e.tabIndex < 0) say("scrolls, and the keyboard does not reach it", e);
for (const th of document.querySelectorAll("th")) if (!th.scope) say("a header without a scope", th);
if (!root.lang || !document.title) say("no language or title");
return faults;
})()`

// lookPage is a page to be looked at.
type lookPage struct{ name, path string }

// lookPages makes runs that end in several ways, and pages that would take days.
func lookPages(t *testing.T) []lookPage {
	t.Helper()
	var pages []lookPage
	for name, report := range map[string]func(*testing.T) string{
		"clean": cleanRun, "problems": problemRun, "paused": pausedRun, "parked": parkedRun, "invalid": invalidRun, "hostile": hostileRun, "days": daysPage, "emulated": emulatedRun,
	} {
		pages = append(pages, lookPage{name, report(t)})
	}
	slices.SortFunc(pages, func(a, b lookPage) int { return strings.Compare(a.name, b.name) })
	return pages
}

func (s *stage) reportOf(got summary) string { return filepath.Join(got.dir, "report.html") }

func cleanRun(t *testing.T) string {
	s := newStage(t, "latency=20ms")
	s.writeCSV("goals-2027.csv", goalHeader(), goalRows("Clean", 150))
	return s.reportOf(s.json(0, "import", "goals-2027.csv", "--rate", "1800/1m"))
}

func problemRun(t *testing.T) string {
	s := newStage(t, "latency=3ms")
	rows := goalRows("Problem", 2400)
	spoil(rows)
	for i := 200; i < 260; i++ {
		rows[i][1] = []string{"Ontrack", "In progress", "Doing"}[i%3]
	}
	s.writeCSV("goals.csv", goalHeader(), rows)
	return s.reportOf(s.json(3, "import", "goals.csv", "--skip-invalid", "--rate", "30000/1m"))
}

// pausedRun is throttled by the tenant, and stopped twice.
func pausedRun(t *testing.T) string {
	s := newStage(t, "limit=60/3s:fixed,throttle.retry_after")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Pause", 400))
	s.json(7, "import", "goals.csv", "--rate", "100/3s", "--max-calls", "150")
	time.Sleep(2 * time.Second)
	return s.reportOf(s.json(7, "resume", "--max-calls", "120"))
}

// parkedRun has rows of which two goals may be theirs.
func parkedRun(t *testing.T) string {
	s := newStage(t, "fault.drop_after=0.05,faults.on=writes")
	got := doubtful(s, 200)
	list := s.csv(filepath.Join(got.dir, "in_doubt.csv"))
	var twins [][]string
	for i := range min(3, len(list.rows)) {
		twins = append(twins, list.rows[i][:len(goalHeader())])
	}
	s.writeCSV("twins.csv", goalHeader(), twins)
	s.run(0, "import", "twins.csv", "--state", s.path("other"), "--diff", "never")
	settled := s.json(8, "settle", got.Run)
	if settled.Counts["parked"] != len(twins) {
		t.Errorf("%d twins, but %v", len(twins), settled.Counts)
	}
	return s.reportOf(settled)
}

// invalidRun sends nothing.
func invalidRun(t *testing.T) string {
	s := newStage(t, "")
	s.copySample("problems.csv")
	s.copySample("id-map.csv")
	return s.reportOf(s.json(5, "import", "problems.csv", "--id-map", "id-map.csv"))
}

// emulatedRun is a rehearsal, with rows that change nothing.
func emulatedRun(t *testing.T) string {
	s := newBareStage(t)
	s.copySample("goals.xlsx")
	s.json(0, "import", "goals.xlsx", "--emulator", "--rows", "2-40")
	return s.reportOf(s.json(0, "import", "goals.xlsx", "--emulator", "--again", "--on-duplicate", "skip", "--mode", "upsert"))
}

// hostileTexts are what a file may hold to take a page over.
func hostileTexts() []string {
	return []string{
		`</style><script>alert(1)</script><img src=x onerror=alert(2)>`, `"><svg onload=alert(3)>`, "{{.Run}} ${alert(4)} {{template}}",
		"\u202egpj.exe\u202c \u2066hidden\u2069 \u200btail", "bell\x07 escape\x1b[31m null-like \u0085 end", strings.Repeat("Wide", 2500),
		"]]><!-- --><style>*{display:none}</style>", "Z" + strings.Repeat("\u0334\u0316", 200) + "algo", "שלום עולם 123", "javascript:alert(5)",
	}
}

func hostileRun(t *testing.T) string {
	s := newStage(t, "")
	rows := goalRows("Hostile", 40)
	for i, text := range hostileTexts() {
		rows[i][1] = text    // told by the check
		rows[i+20][4] = text // told by the server
	}
	s.writeCSV("<title><b>goals\u202e.csv", goalHeader(), rows)
	return s.reportOf(s.json(3, "import", "<title><b>goals\u202e.csv", "--skip-invalid"))
}

// daysPage is a run of three days, with pauses and a crash.
func daysPage(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "report.html")
	if err := writers.WritePage(path, threeDays(), writers.FileOptions{}); err != nil {
		t.Fatal(err)
	}
	return path
}

func threeDays() *writers.Page {
	begin := time.Date(2027, 3, 1, 8, 30, 0, 0, time.UTC)
	p := &writers.Page{Object: "goals", State: "paused", Version: "devel", Planned: begin.Add(-time.Hour), Written: begin.Add(70 * time.Hour), Settle: "gsbatch settle k3vd7q2a-20270301"}
	p.Run, p.Command, p.Tenant, p.Input.Path, p.ExitCode, p.Next = "k3vd7q2a-20270301", "import", "acme.gainsightcloud.com", "/home/kim/acme/Success plans 2027.xlsx", 7, "gsbatch resume k3vd7q2a-20270301"
	p.Input.SHA256 = strings.Repeat("c0ffee12", 8)
	p.Timeline.Width = 51200 * time.Millisecond
	session := func(from time.Duration, lasts time.Duration, why string, ended bool) {
		one := writers.Session{Began: begin.Add(from), PerMinute: 100, Why: why}
		if ended {
			one.Ended = begin.Add(from + lasts)
		}
		p.Timeline.Sessions = append(p.Timeline.Sessions, one)
		for at := from; at < from+lasts-p.Timeline.Width; at += p.Timeline.Width {
			if h := at.Hours(); h > 5 && h < 5.6 {
				continue
			}
			slot := writers.CallSlot{At: begin.Add(at), Done: 82, Refused: int(at/time.Minute) % 3}
			p.Counts.Created += slot.Done
			p.Counts.Rejected += slot.Refused
			p.Timeline.Slots = append(p.Timeline.Slots, slot)
		}
	}
	session(0, 8*time.Hour+20*time.Minute, "the day's calls were used", true)
	session(24*time.Hour, 3*time.Hour, "", false)
	session(27*time.Hour+30*time.Minute, 5*time.Hour, "the day's calls were used", true)
	session(48*time.Hour+10*time.Minute, 8*time.Hour, "the day's calls were used", true)
	p.Timeline.Slots[0].Throttled, p.Timeline.Slots[3].Lost = 6, 2
	p.Timeline.Throttled = []writers.Stretch{{From: begin.Add(5 * time.Hour), Until: begin.Add(5*time.Hour + 36*time.Minute)}}
	p.Counts.Pending, p.Counts.InDoubt = 21430, 2
	p.Counts.Rows = p.Counts.Sum()
	p.Input.Rows = p.Counts.Rows
	resume := begin.Add(72 * time.Hour)
	p.ResumeAt = &resume
	p.Actions = []writers.Planned{{Action: "create", Counts: p.Counts}}
	for i := range 2 {
		p.Doubts = append(p.Doubts, writers.Doubt{Line: 4711 + i, Action: "create", Status: "in_doubt", Name: fmt.Sprintf("Adoption of module %d", i), Reason: "the process ended before the answer was seen"})
	}
	return p
}
