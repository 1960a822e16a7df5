package writers

import (
	_ "embed"
	"html/template"
	"io"
	"strings"
	"time"
)

// Page is the account of a run for people: report.html, one file without
// scripts that loads nothing, so that it can be sent by e-mail and printed. The
// counts of its Summary obey the law that EncodeSummary checks. Texts of the
// input and of the server may stand in it as they are: WritePage shortens them
// and shows what is not plain text by its escape. Its size is bounded by what
// it is given: of each list the first ones, and how many there are.
type Page struct {
	Summary
	Object   string    // goals, templates, metrics
	State    string    // of the run: planned, running, paused, finished, abandoned
	Unsent   bool      // nothing was sent, since rows or columns are invalid
	Version  string    // of gsbatch
	Written  time.Time // when this page is
	Planned  time.Time // when the run was
	Actions  []Planned
	Kinds    []ProblemKind // of problems, the gravest first; warnings last
	MoreOf   int           // problems of kinds beyond
	Mapping  string        // piece of a mapping file that mends wrong names, "" none
	Doubts   []Doubt
	Settle   string // the command that settles rows, to be followed by a line and a decision
	Files    []PageFile
	Timeline Timeline
	Settings []Setting
}

// Planned is how many rows of one planned action came to which end.
type Planned struct {
	Action string // create, update …; "" nothing
	Counts Counts // Rows is their number
}

// ProblemKind is problems that are mended alike.
type ProblemKind struct {
	Warning bool   // told, but the rows are sent
	Header  bool   // it is of the header, not of rows
	Status  string // of the rows: invalid, rejected, stale
	Code    string
	Field   string // API field, "" where it is not one field's
	Rows    int
	Samples []Sample // the most frequent texts
	Others  int      // texts beyond those
}

// Sample is problems of one text.
type Sample struct {
	Rows    int
	Places  []string // the first: Goals!C42, line 7, row 7
	Message string
	Mend    string
}

// Where is how many rows and where, in one text.
func (s Sample) Where() string {
	text := joinPlaces(s.Places)
	if s.Rows > len(s.Places) {
		text = countText(s.Rows, "row", "rows") + ": " + text + " …"
	}
	return text
}

// joinPlaces names several lines, or rows, as such: lines 3, 4.
func joinPlaces(places []string) string {
	var names, numbers []string
	kind := ""
	for i, place := range places {
		what, number, _ := strings.Cut(place, " ")
		if i == 0 {
			kind = what
		}
		if what == kind && number != "" && strings.Trim(number, "0123456789") == "" {
			numbers = append(numbers, number)
		}
		names = append(names, shown(place, maxName))
	}
	if len(places) > 1 && len(numbers) == len(places) {
		return shown(kind, maxName) + "s " + strings.Join(numbers, ", ")
	}
	return strings.Join(names, ", ")
}

// Doubt is a row that is in doubt or parked.
type Doubt struct {
	Line       int
	Name       string // of the record, "" unknown
	Action     string
	Status     string // in_doubt, parked
	Reason     string
	Candidates []string // Gsids of records that may be the row's
}

// PageFile is a file of the report folder.
type PageFile struct {
	Name string
	Size int64 // in bytes; 0: not known
	Rows int   // -1: it is no table
}

// About says what the file is for.
func (f PageFile) About() string {
	return map[string]string{
		"results.csv":  "every row of the input, in its order, with what became of it",
		"errors.csv":   "the rows to mend, with reasons; it can be mended and imported as it is",
		"errors.xlsx":  "the workbook with its bad cells marked",
		"in_doubt.csv": "the rows in doubt, with a column for your decisions",
		"pending.csv":  "the rows that were not reached",
		"summary.json": "these figures, for programs",
		"report.html":  "this page",
	}[f.Name]
}

// Setting is one of the run's settings, or another thing to be told of it.
type Setting struct{ Name, Value string }

// Timeline is when calls were made, and by which processes.
type Timeline struct {
	Width     time.Duration // of a slot
	Slots     []CallSlot    // by time; only those with calls
	Throttled []Stretch     // in which calls were held up by the tenant's quota
	Sessions  []Session     // of processes, the oldest first
	Earlier   int           // sessions before those
	Records   bool          // a call takes several records, which are counted instead
}

// CallSlot counts the write calls, or their records, answered in a slot of time.
type CallSlot struct {
	At                             time.Time
	Done, Refused, Throttled, Lost int
}

// Stretch is a stretch of time.
type Stretch struct{ From, Until time.Time }

// Session is one process's work on the run.
type Session struct {
	Began, Ended time.Time // Ended is zero where the process did not live to say so
	Why          string    // it ended before the last row, "" where it did not
	PerMinute    float64   // calls that the quota allowed; 0 without a limit
}

//go:embed page.html
var pageText string

// EncodePage writes the page to w. One whose counts do not add up is an error
// and writes nothing.
func EncodePage(w io.Writer, p *Page) error {
	if err := p.Counts.Check(); err != nil {
		return err
	}
	t, err := template.New("page.html").Funcs(pageFuncs()).Parse(pageText)
	if err != nil {
		return err
	}
	return t.Execute(w, newPageView(p))
}

// WritePage writes the page to the file path, whole or not at all.
func WritePage(path string, p *Page, o FileOptions) error {
	f, err := Create(path, o)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := EncodePage(f, p); err != nil {
		return newError(path, "write", err)
	}
	return f.Commit()
}
