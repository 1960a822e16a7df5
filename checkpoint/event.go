package checkpoint

import (
	"fmt"
	"strconv"
	"strings"
)

// EventKind tells the events of a row apart.
type EventKind byte

// The kinds of events.
const (
	Intent  EventKind = 'i' // a call is about to be sent
	Outcome EventKind = 'o' // what its answer meant
	Settled EventKind = 's' // what reading back, or a person, said of a row in doubt
)

// Event is one step in the life of a row. Times are epoch milliseconds, 0 for
// unknown.
type Event struct {
	Kind      EventKind
	Seq       int64
	Attempt   int   // from 1
	At        int64 // by this machine's clock
	Server    int64 // intent: the largest server time seen so far; outcome: that of the answer
	Status    Status
	Gsid      string
	HTTP      int    // status of the answer, 0 for none
	Code      string // of the answer
	RequestID string
	User      string // who wrote, as the server says
	Parents   string // ids the server filled in: CompanyId=…;RelationshipId=…
	Reason    string
	Was       Status // settled: the row's status until then
}

// appendEvent adds the event's line to the text of a journal record: fields
// between tabs, so that the journal can be read and searched as it is.
func appendEvent(dst []byte, e *Event) []byte {
	dst = append(dst, byte(e.Kind), '\t')
	dst = strconv.AppendInt(dst, e.Seq, 10)
	dst = append(dst, '\t')
	dst = strconv.AppendInt(dst, int64(e.Attempt), 10)
	dst = append(dst, '\t')
	dst = strconv.AppendInt(dst, e.At, 10)
	dst = append(dst, '\t')
	dst = strconv.AppendInt(dst, e.Server, 10)
	if e.Kind != Intent {
		dst = append(dst, '\t')
		dst = append(dst, e.Status...)
		dst = append(dst, '\t')
		dst = strconv.AppendInt(dst, int64(e.HTTP), 10)
		for _, text := range [...]string{e.Gsid, e.Code, e.RequestID, e.User, e.Parents, e.Reason} {
			dst = append(dst, '\t')
			dst = appendEscaped(dst, text)
		}
	}
	if e.Kind == Settled {
		dst = append(dst, '\t')
		dst = append(dst, e.Was...)
	}
	return append(dst, '\n')
}

// appendEscaped keeps tabs and newlines of hostile text out of the journal's lines.
func appendEscaped(dst []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; c {
		case '\\':
			dst = append(dst, '\\', '\\')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

var unescape = strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n")

// eachEvent calls do for every event of a journal record's text.
func eachEvent(text string, do func(*Event) error) error {
	for text != "" {
		line, rest, found := strings.Cut(text, "\n")
		if !found {
			return fmt.Errorf("journal: line without an end: %q", line)
		}
		text = rest
		e, err := parseEvent(line)
		if err != nil {
			return err
		}
		if err := do(&e); err != nil {
			return err
		}
	}
	return nil
}

// headOf reads the kind and the row of an event's line and leaves the rest.
func headOf(line string) (kind EventKind, seq int64, err error) {
	if len(line) > 2 && line[1] == '\t' {
		digits, _, found := strings.Cut(line[2:], "\t")
		if seq, err := strconv.ParseInt(digits, 10, 64); found && err == nil {
			return EventKind(line[0]), seq, nil
		}
	}
	return 0, 0, fmt.Errorf("journal: line that is no event: %q", line)
}

// statusIn is the status in the line of an outcome: its sixth field.
func statusIn(line string) Status {
	for range 5 {
		_, line, _ = strings.Cut(line, "\t")
	}
	status, _, _ := strings.Cut(line, "\t")
	return Status(status)
}

func parseEvent(line string) (Event, error) {
	p := eventParser{rest: line}
	e := Event{Kind: EventKind(p.char()), Seq: p.number(), Attempt: int(p.number()), At: p.number(), Server: p.number()}
	if e.Kind != Intent {
		e.Status = Status(p.field())
		e.HTTP = int(p.number())
		e.Gsid, e.Code, e.RequestID = p.text(), p.text(), p.text()
		e.User, e.Parents, e.Reason = p.text(), p.text(), p.text()
	}
	if e.Kind == Settled {
		e.Was = Status(p.field())
	}
	if p.bad || p.rest != "" || (e.Kind != Intent && e.Kind != Outcome && e.Kind != Settled) {
		return Event{}, fmt.Errorf("journal: line that is no event: %q", line)
	}
	return e, nil
}

// eventParser takes a line apart; bad is set for good at the first fault.
type eventParser struct {
	rest string
	done bool
	bad  bool
}

func (p *eventParser) field() string {
	if p.done {
		p.bad = true
		return ""
	}
	field, rest, found := strings.Cut(p.rest, "\t")
	p.rest, p.done = rest, !found
	return field
}

func (p *eventParser) char() byte {
	field := p.field()
	if len(field) != 1 {
		p.bad = true
		return 0
	}
	return field[0]
}

func (p *eventParser) number() int64 {
	n, err := strconv.ParseInt(p.field(), 10, 64)
	if err != nil {
		p.bad = true
	}
	return n
}

func (p *eventParser) text() string {
	field := p.field()
	if strings.IndexByte(field, '\\') < 0 {
		return field
	}
	return unescape.Replace(field)
}
