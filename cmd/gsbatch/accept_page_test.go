//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// page is report.html, read on its own terms: its texts by element.
type page struct {
	title, verdict string
	tables         [][][]string // rows of cells, header left out
	commands       []string
	text           string
	elements       map[string]int
}

// readPage parses a page.
func (s *stage) readPage(path string) page {
	s.Helper()
	root, err := html.Parse(strings.NewReader(string(s.read(path))))
	if err != nil {
		s.Fatalf("%s: %v", path, err)
	}
	p := page{elements: map[string]int{}}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		p.elements[n.Data]++
		switch n.Data {
		case "title":
			if p.title == "" {
				p.title = textOf(n)
			}
		case "h1":
			p.verdict = textOf(n)
		case "pre":
			p.commands = append(p.commands, textOf(n))
		case "main":
			p.text = textOf(n)
		case "table":
			p.tables = append(p.tables, nil)
		case "tr":
			var cells []string
			for c := range n.ChildNodes() {
				cells = append(cells, strings.TrimSpace(textOf(c)))
			}
			if n.Parent.Data != "thead" {
				p.tables[len(p.tables)-1] = append(p.tables[len(p.tables)-1], cells)
			}
		}
	}
	return p
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

func number(text string) int {
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		return -1
	}
	return n
}

// checkPage wants the page to give the account that summary.json gives.
func (s *stage) checkPage(one summary) {
	s.Helper()
	path := filepath.Join(one.dir, "report.html")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		s.Errorf("%s: %v", path, err)
		return
	}
	p := s.readPage(path)
	sum := 0
	for _, row := range p.tables[0] {
		status := strings.ReplaceAll(row[0], " ", "_")
		if status == "All_rows_of_the_file" {
			if n := number(row[1]); n != one.Counts["rows"] || sum != n {
				s.Errorf("%s: %d rows, which add up to %d; the summary has %d", path, n, sum, one.Counts["rows"])
			}
			continue
		}
		sum += number(row[1])
		if n := number(row[1]); n != one.Counts[status] || !slices.Contains(statuses(), status) {
			s.Errorf("%s: %d rows %s, the summary has %d", path, n, status, one.Counts[status])
		}
	}
	if p.verdict == "" || !strings.HasPrefix(p.title, p.verdict) || p.elements["script"] > 0 || p.elements["h1"] != 1 {
		s.Errorf("%s: %q, title %q, %v", path, p.verdict, p.title, p.elements)
	}
	if one.Next != "" && (len(p.commands) == 0 || p.commands[0] != one.Next) {
		s.Errorf("%s: the commands are %q, the summary's next is %q", path, p.commands, one.Next)
	}
	if one.Emulated != strings.Contains(p.text, "emulated tenant") {
		s.Errorf("%s: emulated %v is not told", path, one.Emulated)
	}
}

// has wants texts in the page of a run.
func (s *stage) pageHas(got summary, texts ...string) page {
	s.Helper()
	p := s.readPage(filepath.Join(got.dir, "report.html"))
	for _, text := range texts {
		if !strings.Contains(p.text, text) {
			s.Errorf("the page has no %q:\n%s", text, p.text)
		}
	}
	return p
}

// TestPageAfterEachProcess follows a run through a pause, a kill and its end,
// and reports it once more elsewhere.
func TestPageAfterEachProcess(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=2ms")
	rows := goalRows("Page", 300)
	refuse(100, 50, 300)(rows)
	s.writeCSV("goals.csv", goalHeader(), rows)
	got := s.json(7, "import", "goals.csv", "--max-calls", "100")
	s.pageHas(got, "Paused", "still to be sent", "stopped by --max-calls 100", "pending.csv", "--max-calls")
	s.setenv("GSBATCH_MAX_CALLS", "0")
	if err := s.tenant.Set("latency=30ms"); err != nil {
		t.Fatal(err)
	}
	p := s.start("resume", "--workers", "2")
	sent := s.writes()
	s.until("20 more write calls", func() bool { return s.writes() >= sent+20 })
	_ = p.cmd.Process.Kill()
	p.wait()
	if err := s.tenant.Set("latency=2ms"); err != nil {
		t.Fatal(err)
	}
	s.run(0, "runs", "report", got.Run)
	s.pageHas(got, "Not finished", "gsbatch resume")
	done := s.json(3, "resume")
	s.counts(done, "rows=300 created=297 rejected=3")
	page := s.pageHas(done, "Done, rows to mend", "297 of 300 goals created; 3 rows need mending.", "a crash, a kill or a power cut", "went on, process 3",
		"Refused by Gainsight", "rows 52, 152, 252", "errors.csv")
	if strings.Contains(page.text, "pending.csv") {
		t.Error("the page lists a file that is no longer there")
	}
	s.run(0, "runs", "report", done.Run, "--report-dir", "elsewhere")
	if again := s.readPage("elsewhere/report.html"); again.verdict != page.verdict || len(again.tables) != len(page.tables) {
		t.Errorf("%q, then %q", page.verdict, again.verdict)
	}
}

// TestPageOfProblems tells the same groups as the terminal does, the header's
// among them, also when it is written later.
func TestPageOfProblems(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.copySample("problems.csv")
	s.copySample("id-map.csv")
	r := s.run(5, "import", "problems.csv", "--id-map", "id-map.csv", "--json")
	got := s.summaryOf(r)
	page := s.pageHas(got, "Nothing was sent: 23 of 32 rows need mending.", "Unknown column", `column "Colour" is no field`, "lines 3, 4", `closest: "On Track"`, "To map the wrong names")
	if !slices.ContainsFunc(page.commands, func(c string) bool {
		return strings.Contains(r.stderr, c) && strings.HasPrefix(c, "version: 1\ncolumns:")
	}) {
		t.Errorf("the mapping is not that of the terminal: %q", page.commands)
	}
	first := s.read(filepath.Join(got.dir, "report.html"))
	s.run(0, "runs", "report", got.Run)
	if again := s.pageHas(got, "Unknown column"); again.text[:200] != page.text[:200] || len(s.read(filepath.Join(got.dir, "report.html"))) != len(first) {
		t.Error("the page of runs report differs")
	}
	// A goal that another run created is a problem that planning comes upon later.
	s.writeCSV("one.csv", goalHeader(), goalRows("One", 2))
	s.json(0, "import", "one.csv")
	changed := goalRows("One", 2)
	changed[0][1] = "Achieved"
	s.writeCSV("two.csv", goalHeader(), changed)
	held := s.json(5, "import", "two.csv")
	s.pageHas(held, "Created before", "with other values", "--on-duplicate skip")
}

// TestPageOfDoubts gives the commands that decide.
func TestPageOfDoubts(t *testing.T) {
	t.Parallel()
	s := newStage(t, "fault.drop_after=0.05,faults.on=writes")
	got := doubtful(s, 100)
	list := s.csv(filepath.Join(got.dir, "in_doubt.csv"))
	page := s.pageHas(got, "Rows in doubt", "in doubt", list.cell(0, "Name"), "_decision")
	skip := "gsbatch settle " + got.Run + " " + list.cell(0, "_line") + " --skip"
	if !slices.Contains(page.commands, skip) {
		t.Fatalf("no %q among %q", skip, page.commands)
	}
	s.json(8, strings.Fields(skip)[1:]...)
}

// TestPageOfOtherObjects counts records where a call takes several.
func TestPageOfOtherObjects(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.copySample("metrics.csv")
	got := s.json(0, "import", "metrics.csv", "--object", "metrics")
	s.pageHas(got, "metrics created", "Records over time", "records were sent", "metrics.create")
}

// TestPageIsInertInTheEnd gives the program hostile cells and a hostile name.
func TestPageIsInertInTheEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.T = t
	report := hostileRun(t)
	p := s.readPage(report)
	for _, element := range []string{"script", "img", "b", "iframe"} {
		if p.elements[element] > 0 {
			t.Errorf("%d elements %s", p.elements[element], element)
		}
	}
	if strings.ContainsAny(p.text, "\u202e\u2066\x1b\x07") || !strings.Contains(p.text, `<script>alert(1)</script>`) {
		t.Error("hostile text is not shown inert")
	}
}
