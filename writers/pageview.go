package writers

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// pageView is a page as its template wants it.
type pageView struct {
	*Page
	Verdict, Badge, Tone string
	NextWhy              string
	InputName            string
	Ends                 []share
	Table                planTable
	Pictures             []*picture
	Said                 string // the picture in words
	Unit                 string // what it counts: calls or records
	CallLegend           []shape
	BandLegend           []shape
	Events               []event
	MoreEvents           int
	Groups, Warnings     []kindView
	Undecided            int // rows in doubt or parked
	About                []Setting
}

// share is an end with its share of the rows, in thousandths.
type share struct {
	end
	X, W    float64
	Percent string
}

// The bounds of lists that the view makes.
const maxEvents = 16

func newPageView(p *Page) *pageView {
	v := &pageView{Page: p, Verdict: p.verdict(), NextWhy: p.nextWhy(), Undecided: p.Counts.InDoubt + p.Counts.Parked, InputName: p.inputName()}
	v.Badge, v.Tone = p.badge()
	v.Ends = shares(p.ends(), p.Counts.Rows)
	v.Table = newPlanTable(p)
	for _, l := range layouts() {
		if drawn := newPicture(&p.Timeline, l); drawn != nil {
			v.Pictures = append(v.Pictures, drawn)
		}
	}
	v.Said, v.Unit = p.Timeline.said(), title(p.Timeline.unit())
	if len(v.Pictures) > 0 {
		v.legends()
	}
	v.Events, v.MoreEvents = p.Timeline.events()
	if len(v.Events) == 2 && v.Events[1].What == ended {
		v.Events = nil // a run without events
	}
	for _, k := range p.Kinds {
		if k.Warning {
			v.Warnings = append(v.Warnings, newKindView(k))
		} else {
			v.Groups = append(v.Groups, newKindView(k))
		}
	}
	v.About = p.about()
	return v
}

// inputName is the input's name without its folders, of whatever system.
func (p *Page) inputName() string {
	if p.Input.Path == "-" || p.Input.Path == "" {
		return "standard input"
	}
	return path.Base(strings.ReplaceAll(p.Input.Path, `\`, "/"))
}

// shares lays the ends side by side in a bar of 1000, the rare ones wide enough
// to be seen.
func shares(ends []end, rows int) []share {
	const least = 6.0
	list := make([]share, len(ends))
	sum := 0.0
	for i, e := range ends {
		list[i] = share{end: e, W: max(least, 1000*float64(e.Rows)/float64(rows)), Percent: percent(e.Rows, rows)}
		sum += list[i].W
	}
	x := 0.0
	for i := range list {
		list[i].W *= 1000 / sum
		list[i].X = x
		x += list[i].W
	}
	return list
}

// percent never rounds to all or nothing what is not.
func percent(n, of int) string {
	share := 100 * float64(n) / float64(of)
	switch {
	case n == of:
		return "100 %"
	case share < 0.1:
		return "< 0.1 %"
	case share > 99.9:
		return "> 99.9 %"
	}
	return fmt.Sprintf("%.1f %%", share)
}

// planTable is what was planned, by what became of it.
type planTable struct {
	Heads []string // of the ends that there are
	Rows  []planRow
	Foot  planRow
}

type planRow struct {
	Name  string
	Cells []int // the sum, then one a head
}

func newPlanTable(p *Page) planTable {
	var t planTable
	var classes []string
	for _, e := range p.ends() {
		t.Heads = append(t.Heads, e.Word)
		classes = append(classes, e.Class)
	}
	row := func(name string, c Counts) planRow {
		r := planRow{Name: name, Cells: []int{c.Rows}}
		one := Page{Summary: Summary{Counts: c}}
		ends := one.ends()
		for _, class := range classes {
			n := 0
			if i := slices.IndexFunc(ends, func(e end) bool { return e.Class == class }); i >= 0 {
				n = ends[i].Rows
			}
			r.Cells = append(r.Cells, n)
		}
		return r
	}
	for _, a := range p.Actions {
		t.Rows = append(t.Rows, row(cmp.Or(title(a.Action), "No call"), a.Counts))
	}
	t.Foot = row("All rows", p.Counts)
	return t
}

// kindView is a kind of problem as it is told.
type kindView struct {
	ProblemKind
	Title string
	Mend  string // of all of it; "" where the samples differ
	Rest  int    // rows of other texts than the samples'
}

// Count is how many rows have the problem.
func (k *kindView) Count() string {
	if k.Header {
		return "header"
	}
	text := countText(k.Rows, "row", "rows")
	if k.Status != "invalid" && !k.Warning {
		text += ", " + k.Status
	}
	return text
}

// RestText tells of the texts that are not among the samples.
func (k *kindView) RestText() string {
	return "and " + countText(k.Rest, "row", "rows") + " with " + countText(k.Others, "other text", "other texts") + ": see errors.csv"
}

func newKindView(k ProblemKind) kindView {
	v := kindView{ProblemKind: k, Title: title(k.Code), Rest: k.Rows}
	switch v.Title {
	case "":
		v.Title = "Without a code"
	case k.Code: // the server's
		v.Title = "Refused by Gainsight with " + k.Code
	}
	for i, s := range k.Samples {
		v.Rest -= s.Rows
		if i == 0 {
			v.Mend = s.Mend
		} else if v.Mend != s.Mend {
			v.Mend = ""
		}
	}
	return v
}

// ended is what there is to tell of a process that has done all there was to do.
const ended = "ended"

// event is something of the timeline worth a line.
type event struct {
	At   time.Time
	What string
	For  string

	exact bool // seconds matter
}

// Day is the day of the event, as UTC has it.
func (e event) Day() string { return e.At.UTC().Format("2 Jan") }

// Time is the time of that day.
func (e event) Time() string {
	if e.exact {
		return e.At.UTC().Format("15:04:05")
	}
	return e.At.UTC().Format("15:04")
}

// events are the begins, ends and silences of the run, by time; of the silences
// the longest.
func (t *Timeline) events() (list []event, more int) {
	whole, ok := t.span()
	if !ok {
		return nil, 0
	}
	silent := t.stretches(whole)
	slices.SortStableFunc(silent, func(a, b stretch) int { return cmp.Compare(b.lasted(), a.lasted()) })
	if more = len(silent) - maxEvents; more > 0 {
		silent = silent[:maxEvents]
	}
	for i := range silent {
		s := &silent[i]
		what := map[stretchKind]string{throttled: "throttled: Gainsight refused calls for its quota", waiting: "waited: for the quota, or to settle rows in doubt",
			stopped: "paused: no process was at work"}[s.kind]
		if s.why != "" {
			what = "paused: " + s.why
		}
		one := event{At: s.From, What: what}
		if s.lasted() >= leastStop {
			one.For = lasted(s.lasted())
		}
		list = append(list, one)
	}
	list = append(list, t.begins()...)
	slices.SortStableFunc(list, func(a, b event) int { return a.At.Compare(b.At) })
	for i := range list {
		list[i].exact = whole.lasted() < 2*time.Hour
	}
	return list, max(more, 0)
}

// begins are the begins of the last sessions, and the end of the last.
func (t *Timeline) begins() []event {
	var list []event
	skip := max(0, len(t.Sessions)-maxEvents)
	for i := skip; i < len(t.Sessions); i++ {
		s := &t.Sessions[i]
		what := "began"
		if n := t.Earlier + i + 1; n > 1 {
			what = fmt.Sprintf("went on, process %d", n)
		}
		list = append(list, event{At: s.Began, What: what})
	}
	if n := len(t.Sessions); n > 0 && !t.Sessions[n-1].Ended.IsZero() {
		list = append(list, event{At: t.Sessions[n-1].Ended, What: cmp.Or(t.Sessions[n-1].Why, ended)})
	}
	return list
}

// said is the picture in words.
func (t *Timeline) said() string {
	whole, _ := t.span()
	sum, total := t.calls()
	if total == 0 {
		return "No row was sent, so there is nothing to draw."
	}
	var stop, held, wait time.Duration
	stops := 0
	for _, s := range t.stretches(whole) {
		switch s.kind {
		case stopped:
			stop += s.lasted()
			stops++
		case throttled:
			held += s.lasted()
		case waiting:
			wait += s.lasted()
		}
	}
	text := countText(total, "write call", "write calls")
	if t.Records {
		text = countText(total, "record was sent", "records were sent")
	}
	text += " in " + lasted(whole.lasted())
	if working := whole.lasted() - stop; working > time.Second && total > 1 {
		text += fmt.Sprintf(", %s a minute on average", grouped(int(float64(total)/working.Minutes()+0.5)))
		if stops > 0 {
			text += " while a process was at work"
		}
	}
	for _, part := range []struct {
		n    int
		text string
	}{{sum.Refused, countText(sum.Refused, "was rejected", "were rejected")}, {sum.Throttled, countText(sum.Throttled, "was throttled and made again", "were throttled and made again")},
		{sum.Lost, countText(sum.Lost, "had no answer", "had no answer")}} {
		if part.n > 0 {
			text += "; " + part.text
		}
	}
	if held > 0 {
		text += "; throttled for " + lasted(held) + " in all"
	}
	if wait > 0 {
		text += "; waited " + lasted(wait)
	}
	if stop >= leastStop {
		text += fmt.Sprintf("; paused %s, %s in all", map[bool]string{true: "once", false: fmt.Sprintf("%d times", stops)}[stops == 1], lasted(stop))
	}
	return text + "."
}

// legends name what the picture has.
func (v *pageView) legends() {
	sum, _ := v.Timeline.calls()
	has := map[string]int{"done": sum.Done, "refused": sum.Refused, "throttled": sum.Throttled, "lost": sum.Lost}
	for _, kind := range callKinds() {
		if has[kind.Class] > 0 {
			v.CallLegend = append(v.CallLegend, kind)
		}
	}
	for _, band := range v.Pictures[0].Bands {
		band.Path = map[string]string{"stopped": "paused: no process at work", "waiting": "waiting", "throttled": "held up by the quota of the tenant"}[band.Class]
		v.BandLegend = append(v.BandLegend, band)
	}
}

// about tells of the run what has no place elsewhere.
func (p *Page) about() []Setting {
	list := []Setting{{"Run", p.Run}, {"Command", "gsbatch " + p.Command}, {"Tenant", p.Tenant}, {"Input", p.inputName()},
		{"Input's SHA-256", p.Input.SHA256}, {"Planned", clock(p.Planned)}}
	if whole, ok := p.Timeline.span(); ok && p.Timeline.Earlier == 0 {
		list = append(list, Setting{"Sending began", clock(whole.From)}, Setting{"Sending ended", clock(whole.Until)})
	}
	if p.Seconds > 0 {
		list = append(list, Setting{"Time at work", lasted(time.Duration(p.Seconds * float64(time.Second)))})
	}
	list = append(list, Setting{"Calls", p.callsText()}, Setting{"Exit code", fmt.Sprint(p.ExitCode)}, Setting{"Written by", strings.TrimSpace("gsbatch " + p.Version)})
	return append(list, p.Settings...)
}

// callsText is what the run cost of the quota.
func (p *Page) callsText() string {
	text := grouped(p.Calls.Total)
	var ends []string
	for name := range p.Calls.ByEndpoint {
		ends = append(ends, name)
	}
	slices.Sort(ends)
	sep := ": "
	for _, name := range ends {
		text += sep + grouped(p.Calls.ByEndpoint[name]) + " " + strings.ReplaceAll(name, "_", " ")
		sep = ", "
	}
	for _, part := range []struct {
		n    int
		word string
	}{{p.Calls.Throttled, "throttled"}, {p.Calls.Retried, "made again"}, {p.Calls.Saved, "saved, since nothing had changed"}} {
		if part.n > 0 {
			text += "; " + grouped(part.n) + " " + part.word
		}
	}
	return text
}
