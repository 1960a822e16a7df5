package writers

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

// pageOf is a page that has something of everything; text makes its texts of
// what they are for.
func pageOf(text func(what string) string) *Page {
	begin := time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)
	p := &Page{Object: "goals", State: "finished", Version: text("v1"), Written: begin.Add(time.Hour), Planned: begin, Mapping: text("mapping"), Settle: text("settle"), MoreOf: 3}
	p.Run, p.Command, p.Tenant, p.Next, p.ExitCode, p.Emulated = text("run"), text("import"), text("tenant"), text("next"), 8, true
	p.Input = Input{Path: text("input"), SHA256: text("sha256"), Rows: 18}
	p.Counts = Counts{Rows: 18, Created: 5, Updated: 3, Rejected: 2, Invalid: 4, InDoubt: 1, Parked: 1, Pending: 2}
	p.Calls = Calls{Total: 12, ByEndpoint: map[string]int{text("goals.create"): 12}}
	p.ResumeAt = &begin
	p.Actions = []Planned{{text("create"), Counts{Rows: 14, Created: 5, Updated: 3, Rejected: 2, InDoubt: 1, Parked: 1, Pending: 2}}, {"", Counts{Rows: 4, Invalid: 4}}}
	for _, warning := range []bool{false, true} {
		p.Kinds = append(p.Kinds, ProblemKind{Warning: warning, Status: "invalid", Code: text("unknown-status"), Field: text("field"), Rows: 4, Others: 1,
			Samples: []Sample{{2, []string{text("place"), text("line 7")}, text("message"), text("mend")}, {1, []string{"row 3"}, text("another"), text("mend it so")}}})
	}
	p.Doubts = []Doubt{{4, text("name"), "create", "parked", text("reason"), []string{text("gsid")}}, {5, "", "update", "in_doubt", text("why"), []string{text("gsid")}}}
	p.Files = []PageFile{{text("results.csv"), 12345, 18}, {"summary.json", 800, -1}}
	p.Settings = []Setting{{text("--rate"), text("100/1m")}}
	p.Timeline = Timeline{Width: time.Second, Earlier: 1,
		Slots:     []CallSlot{{At: begin, Done: 4, Refused: 2}, {At: begin.Add(time.Minute), Throttled: 2, Lost: 2}, {At: begin.Add(9 * time.Hour), Done: 4}},
		Throttled: []Stretch{{begin.Add(time.Minute), begin.Add(2 * time.Minute)}},
		Sessions:  []Session{{Began: begin, Ended: begin.Add(3 * time.Minute), Why: text("stopped"), PerMinute: 100}, {Began: begin.Add(9 * time.Hour)}}}
	return p
}

func encodedPage(t *testing.T, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := EncodePage(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// markup is the elements and attributes of a page, and its texts.
func markup(t *testing.T, text string) (list []string, words string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch n.Type {
		case html.ElementNode:
			tag := "<" + n.Data
			for _, a := range n.Attr {
				tag += " " + a.Key
				if !slices.Contains([]string{"aria-label", "d"}, a.Key) {
					tag += "=" + a.Val
				}
			}
			if tag != "<span class=w" { // one a word of a command
				list = append(list, tag)
			}
		case html.TextNode:
			words += n.Data
		case html.CommentNode, html.RawNode:
			t.Errorf("a comment: %q", n.Data)
		}
	}
	return list, words
}

func hostile() []string {
	return []string{
		`</style><script>alert(1)</script>`, `"><svg onload=alert(1)>`, `' onmouseover='alert(1)`, `</title><img src=//x.test/a.png>`, `<!--`, `]]>`, `&lt;b&gt;`,
		`{{.Run}}{{template "x"}}`, "</textarea></svg><style>*{display:none}</style>", "javascript:alert(1)", "\u202eevil\u202c\u2066", "a\x00b\x07\x1b[2J\x7f\u0085", "\xff\xfe",
		strings.Repeat("<b>", 4000), strings.Repeat("x", 10_000), "Z" + strings.Repeat("\u0334", 500), "\u2028line\u2029", "\u200b\u200e\ufeff\U000e0041",
	}
}

// TestPageIsInert wants the same elements whatever the texts are, and of what
// cannot be seen the escape.
func TestPageIsInert(t *testing.T) {
	plain, _ := markup(t, encodedPage(t, pageOf(func(what string) string { return what })))
	for _, bad := range hostile() {
		text := encodedPage(t, pageOf(func(what string) string { return bad + what }))
		got, words := markup(t, text)
		if diff := cmp.Diff(plain, got); diff != "" {
			t.Errorf("%.60q changes the page:\n%s", bad, diff)
		}
		for _, r := range words {
			if r != '\n' && unseen(r) {
				t.Errorf("%.60q: the page has %U", bad, r)
			}
		}
		if len(text) > 200_000 {
			t.Errorf("%.60q: %d bytes", bad, len(text))
		}
	}
}

// TestPageLoadsNothing wants no script, no link and no style of another's, and
// a policy that forbids them.
func TestPageLoadsNothing(t *testing.T) {
	list, _ := markup(t, encodedPage(t, pageOf(func(what string) string { return what })))
	policy := `<meta http-equiv=Content-Security-Policy content=default-src 'none'; style-src 'unsafe-inline'; img-src data:`
	if !slices.Contains(list, policy) {
		t.Errorf("no policy in %q", list[:8])
	}
	for _, tag := range list {
		name, attributes, _ := strings.Cut(strings.TrimPrefix(tag, "<"), " ")
		if slices.Contains([]string{"script", "img", "iframe", "object", "embed", "link", "base", "form", "a", "use", "image", "foreignobject", "input"}, name) {
			t.Errorf("%s", tag)
		}
		for a := range strings.SplitSeq(attributes, " ") {
			key, _, _ := strings.Cut(a, "=")
			if strings.HasPrefix(key, "on") || key == "src" || key == "href" || key == "xlink:href" || key == "style" {
				t.Errorf("%s", tag)
			}
		}
	}
	if n := strings.Count(strings.Join(list, "\n"), "<style"); n != 1 {
		t.Errorf("%d style elements", n)
	}
	for _, loaded := range []string{"@import", "url(", "expression("} {
		if strings.Contains(pageText, loaded) {
			t.Errorf("the page has %s", loaded)
		}
	}
}

// TestPageTells wants all that a page is for.
func TestPageTells(t *testing.T) {
	_, words := markup(t, encodedPage(t, pageOf(func(what string) string { return what })))
	for _, want := range []string{
		"Of 18 goals, 5 created, 3 updated; 6 rows need mending; 2 are in doubt; 2 are still to be sent.", "Rehearsal with an emulated tenant", "Rows in doubt",
		"Unknown status in field", "mend it so", "place, line 7", "and 1 row with 1 other text", "settle 4 --created gsid", "settle 4 --send", "settle 5 --skip",
		"12 kB", "every row of the input", "went on, process 3", "throttled: Gainsight refused calls", "paused: stopped", "3 more problems", "12 goals.create", "mapping",
		"14 write calls in 9.0 hours",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if t.Failed() {
		t.Log(words)
	}
}

// TestPageSums wants the rows of both tables to add up to those of the file.
func TestPageSums(t *testing.T) {
	v := newPageView(pageOf(func(what string) string { return what }))
	sum := 0
	for _, e := range v.Ends {
		sum += e.Rows
	}
	if sum != v.Counts.Rows {
		t.Errorf("the ends add up to %d of %d", sum, v.Counts.Rows)
	}
	for i := range v.Table.Foot.Cells {
		sum := 0
		for _, row := range v.Table.Rows {
			sum += row.Cells[i]
		}
		if sum != v.Table.Foot.Cells[i] {
			t.Errorf("column %d adds up to %d, and %d stands below", i, sum, v.Table.Foot.Cells[i])
		}
	}
	last := v.Ends[len(v.Ends)-1]
	if got := last.X + last.W; got < 999.9 || got > 1000.1 {
		t.Errorf("the bar ends at %f", got)
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		state  string
		unsent bool
		code   int
		counts Counts
		want   string
		badge  string
	}{
		{"finished", false, 0, Counts{Rows: 120, Created: 120}, "All 120 goals created.", "Done"},
		{"finished", false, 0, Counts{Rows: 1, Created: 1}, "1 of 1 goal created.", "Done"},
		{"finished", false, 8, Counts{Rows: 5000, Created: 4812, Invalid: 100, Rejected: 86, InDoubt: 2}, "4,812 of 5,000 goals created; 186 rows need mending; 2 are in doubt.", "Rows in doubt"},
		{"finished", false, 3, Counts{Rows: 3, Updated: 2, Stale: 1}, "2 of 3 goals updated; 1 was changed by somebody else meanwhile.", "Done, rows to mend"},
		{"finished", false, 0, Counts{Rows: 9, Unchanged: 9}, "9 of 9 goals had nothing to change.", "Done"},
		{"finished", false, 0, Counts{Rows: 9, Created: 1, Unchanged: 6, Skipped: 2}, "1 of 9 goals created; 6 had nothing to change; 2 were left out.", "Done"},
		{"finished", true, 5, Counts{Rows: 32, Invalid: 23, Unchanged: 1, Pending: 8}, "Nothing was sent: 23 of 32 rows need mending.", "Nothing sent"},
		{"finished", true, 5, Counts{Rows: 32, Pending: 32}, "Nothing was sent: the columns of the file need mending.", "Nothing sent"},
		{"paused", false, 7, Counts{Rows: 9, Created: 4, Pending: 5}, "4 of 9 goals created; 5 are still to be sent.", "Paused"},
		{"paused", false, 130, Counts{Rows: 9, Pending: 9}, "No goal of 9 was written; 9 are still to be sent.", "Interrupted"},
		{"paused", false, 6, Counts{Rows: 9, Created: 4, Rejected: 4, Pending: 1}, "4 of 9 goals created; 4 rows need mending; 1 is still to be sent.", "Stopped"},
		{"paused", false, 8, Counts{Rows: 9, Created: 4, InDoubt: 1, Pending: 4}, "4 of 9 goals created; 1 is in doubt; 4 are still to be sent.", "Rows in doubt"},
		{"running", false, 0, Counts{Rows: 9, Created: 4, InDoubt: 1, Pending: 4}, "4 of 9 goals created; 1 is in doubt; 4 are still to be sent.", "Not finished"},
		{"planned", false, 0, Counts{Rows: 9, Pending: 9}, "No goal of 9 was written; 9 are still to be sent.", "Planned"},
		{"abandoned", false, 0, Counts{Rows: 9, Created: 4, Pending: 5}, "4 of 9 goals created; 5 are still to be sent.", "Abandoned"},
		{"finished", false, 0, Counts{}, "No goal of 0 was written.", "Done"},
	} {
		p := &Page{Object: "goals", State: c.state, Unsent: c.unsent}
		p.Counts, p.ExitCode = c.counts, c.code
		if got := p.verdict(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.counts, got, c.want)
		}
		if got, _ := p.badge(); got != c.badge {
			t.Errorf("%+v: badge %q, want %q", c.counts, got, c.badge)
		}
		encodedPage(t, p)
	}
}

// TestPageOfNothing makes a page of the zero value of everything.
func TestPageOfNothing(t *testing.T) {
	if text := encodedPage(t, &Page{}); !strings.Contains(text, "nothing to draw") || strings.Contains(text, "NaN") {
		t.Errorf("%s", text)
	}
}

// TestWritePageLaw refuses counts that do not add up, and leaves what was there.
func TestWritePageLaw(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.html")
	if err := WritePage(path, pageOf(func(what string) string { return what }), FileOptions{}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := pageOf(func(what string) string { return what })
	p.Counts.Created++
	if err := WritePage(path, p, FileOptions{}); err == nil || !strings.Contains(err.Error(), "report.html") {
		t.Errorf("error %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the page that was there has changed: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestShown(t *testing.T) {
	for _, c := range [][2]string{
		{"plain, 株式会社 עולם é", "plain, 株式会社 עולם é"}, {"a\x1b[31m\x7f", `a\x1b[31m\x7f`}, {"\u202ebad", `\u202ebad`}, {"\xffx\ufffd", `\xffx` + "\ufffd"},
		{"two\nlines\t.", "two\nlines\t."}, {"\u200b\u2028", `\u200b\u2028`}, {"👩\u200d🚀", "👩\u200d🚀"}, {"e\u0301\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301"},
		{strings.Repeat("ab", 20), strings.Repeat("ab", 10) + "… (40 characters)"},
	} {
		if got := shown(c[0], 20); got != c[1] {
			t.Errorf("%q: %q, want %q", c[0], got, c[1])
		}
	}
}

// TestEndsCoverCounts wants every status in the account of a page.
func TestEndsCoverCounts(t *testing.T) {
	p := &Page{Object: "goals"}
	v := reflect.ValueOf(&p.Counts).Elem()
	for i := range v.NumField() {
		v.Field(i).SetInt(1)
	}
	if got := len(p.ends()); got != v.NumField()-1 {
		t.Errorf("%d ends of %d", got, v.NumField()-1)
	}
	if got := fmt.Sprint(grouped(1234567), grouped(-1000), grouped(999), " ", percent(1, 3), percent(9999, 10000), percent(1, 10000)); got != "1,234,567-1,000999 33.3 %> 99.9 %< 0.1 %" {
		t.Error(got)
	}
}
