package gainsight

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// truth is a JSON boolean that may be absent.
type truth uint8

const (
	unsaid truth = iota
	yes
	no
)

// envelope is what Judge needs of a body: of the API's envelope, of the
// gateway's, or of a Spring error (timestamp, status, error, exception, message, path).
type envelope struct {
	whole     bool // the body is one JSON object, or begins with one that is complete
	bare      bool // it has a recordList at the top, without an envelope (template fetch)
	result    truth
	code      string
	message   string
	desc      string // errorDesc, or its localized form
	spring    string // error: "Internal Server Error"
	exception string
	requestID string

	gsid    string
	company string
	related string // RelationshipId
	opport  string // OpportunityId
	user    string
	changed int64 // the later of CreatedDate and ModifiedDate, epoch milliseconds
	failed  bool  // failureList has an element
	listed  []Listed
	usage   usage
}

func (e *envelope) goalException() bool { return strings.HasSuffix(e.exception, goalException) }

func (e *envelope) parents() map[string]string {
	if e.company == "" && e.related == "" && e.opport == "" {
		return nil
	}
	ids := make(map[string]string, 1)
	for _, p := range [...]struct{ field, id string }{
		{"CompanyId", e.company}, {"RelationshipId", e.related}, {"OpportunityId", e.opport},
	} {
		if p.id != "" {
			ids[p.field] = p.id
		}
	}
	return ids
}

// readEnvelope decodes a body in one pass. What follows a complete object
// makes it unreadable, unless it is white space.
func readEnvelope(body []byte) envelope {
	var e envelope
	s := scanner{data: body}
	ok := s.object(func(key []byte) bool {
		switch string(key) {
		case "data":
			return e.readData(&s)
		case "result":
			return s.truth(&e.result)
		case "errorCode", "code":
			return s.textTo(&e.code)
		case "message":
			return s.textTo(&e.message)
		case "errorDesc", "localizedErrorDesc":
			return s.textTo(&e.desc)
		case "error":
			return s.textTo(&e.spring)
		case "exception":
			return s.textTo(&e.exception)
		case "requestId":
			return s.textTo(&e.requestID)
		case "failureList":
			return e.readFailures(&s)
		case "errorInfo":
			return e.usage.read(&s)
		case "recordList":
			e.bare = s.space() == '['
			return s.skip()
		default:
			return s.skip()
		}
	})
	if !ok || !s.end() {
		return envelope{}
	}
	e.whole = true
	return e
}

func (e *envelope) readData(s *scanner) bool {
	if s.space() != '{' {
		return s.skip()
	}
	return s.object(func(key []byte) bool {
		switch string(key) {
		case "goal", "record":
			return e.readRecord(s)
		case "successList", "deletedMetrics":
			if s.space() != '[' {
				return s.skip()
			}
			return s.array(func() bool { return e.readSuccess(s) })
		case "failureList":
			return e.readFailures(s)
		default:
			return s.skip()
		}
	})
}

// readRecord takes the identity of a record: Gsid of goals and templates, gsid of metrics.
func (e *envelope) readRecord(s *scanner) bool {
	if s.space() != '{' {
		return s.skip()
	}
	return s.object(func(key []byte) bool {
		switch string(key) {
		case "Gsid", "gsid":
			return s.idTo(&e.gsid)
		case "CompanyId":
			return s.idTo(&e.company)
		case "RelationshipId":
			return s.idTo(&e.related)
		case "OpportunityId":
			return s.idTo(&e.opport)
		case "CreatedById", "createdBy", "ModifiedById", "modifiedBy":
			return s.textTo(&e.user)
		case "CreatedDate", "ModifiedDate", "createdAt", "modifiedAt":
			v, ok := s.value()
			e.changed = max(e.changed, millis(v))
			return ok
		default:
			return s.skip()
		}
	})
}

// textTo keeps a string or number; null and other values leave it as it was.
func (s *scanner) textTo(to *string) bool {
	v, ok := s.value()
	if ok {
		if t := text(v); t != "" {
			*to = t
		}
	}
	return ok
}

// idTo keeps a string that can be an id: letters, digits, - and _.
func (s *scanner) idTo(to *string) bool {
	v, ok := s.value()
	if ok && len(v) > 2 && v[0] == '"' && isID(v[1:len(v)-1]) {
		*to = string(v[1 : len(v)-1])
	}
	return ok
}

func isID[T []byte | string](id T) bool {
	for i := range len(id) {
		if c := id[i]; !asciiAlnum(c) && c != '-' && c != '_' {
			return false
		}
	}
	return len(id) > 0 && len(id) <= longestIdentity
}

func (s *scanner) truth(to *truth) bool {
	v, ok := s.value()
	switch string(v) {
	case "true", `"true"`:
		*to = yes
	case "false", `"false"`:
		*to = no
	}
	return ok
}

func millis(v []byte) int64 {
	if n, err := strconv.ParseInt(text(v), 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(text(v), 64)
	if err != nil || !(math.Abs(f) < 1<<53) {
		return 0
	}
	return int64(f)
}

// message words an answer that is not Done, on one line, without the request
// id that servers put at its end: messages are grouped.
func message(x *Exchange, e *envelope, id string) string {
	text := e.message
	if used := e.usage.String(); used != "" {
		text = strings.TrimRight(text, " .") + ". " + used
	}
	for _, other := range []string{e.desc, e.spring} {
		if text == "" {
			text = other
		}
	}
	if text == "" && isHTML(x) {
		text = "an HTML page came instead of an answer"
	}
	if x.Status >= 300 && x.Status < 400 {
		text = "redirected; the access key is not sent on, so give the base URL that answers itself"
	}
	if text == "" {
		text = strings.ToLower(http.StatusText(x.Status))
	}
	return withoutID(oneLine(text), id)
}

// withoutID takes the request's id out of a message, with the label and the
// brackets around it where it stands at the end; and any UUID at the end.
func withoutID(text, id string) string {
	text = strings.TrimRight(text, " ")
	if n := len(text) - uuidLen; id == "" && n > 0 && isUUID(text[n:]) {
		id = text[n:]
	}
	at := strings.LastIndex(text, id)
	if len(id) < 8 || at < 0 {
		return text
	}
	head, tail := text[:at], text[at+len(id):]
	if strings.Trim(tail, " )].") != "" {
		return head + strings.TrimLeft(tail, " ")
	}
	head = strings.TrimRight(head, " :=,;-([")
	for _, label := range []string{"requestid", "request id", "request-id"} {
		if n := len(head) - len(label); n >= 0 && strings.EqualFold(head[n:], label) {
			head = strings.TrimRight(head[:n], " :=,;-([")
		}
	}
	return head
}

const uuidLen = 36

func isUUID(text string) bool {
	for i := range len(text) {
		c := text[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !isDigit(c) && !(c|0x20 >= 'a' && c|0x20 <= 'f') {
			return false
		}
	}
	return len(text) == uuidLen
}

// oneLine makes a text fit for a terminal and a cell: white space folded,
// controls and marks of direction dropped, cut at 500 bytes.
func oneLine(text string) string {
	var b strings.Builder
	for word := range strings.FieldsSeq(text) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		for _, r := range word {
			if unicode.IsPrint(r) && r != utf8.RuneError {
				b.WriteRune(r)
			}
			if b.Len() > longestMessage {
				return b.String() + "…"
			}
		}
	}
	return b.String()
}

// printable keeps a short identity as it is and drops what is none.
func printable(text string) string {
	if len(text) > longestIdentity {
		return ""
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return ""
		}
	}
	return text
}
