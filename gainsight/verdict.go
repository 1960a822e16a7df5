package gainsight

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Verdict is what an answer means for the record it was about.
type Verdict uint8

// The verdicts.
const (
	NotSent   Verdict = iota + 1 // no byte left this machine: safe to repeat any call
	Fatal                        // the run must stop: key, address, host
	Throttled                    // refused before execution: repeat later
	Done                         // executed; Gsid is known
	Rejected                     // this record is wrong; never sent again as it is
	InDoubt                      // may or may not have been executed
)

// String returns the verdict in words.
func (v Verdict) String() string {
	switch v {
	case NotSent:
		return "not sent"
	case Fatal:
		return "fatal"
	case Throttled:
		return "throttled"
	case Done:
		return "done"
	case Rejected:
		return "rejected"
	case InDoubt:
		return "in doubt"
	default:
		return "verdict " + strconv.Itoa(int(v))
	}
}

// Answer is what is known after one call.
type Answer struct {
	Verdict   Verdict
	Gsid      string            // of the record created or updated
	Parents   map[string]string // ids the server filled in: CompanyId, RelationshipId, OpportunityId; nil when none
	UserID    string            // CreatedById or ModifiedById as answered
	Code      string            // errorCode of the body, "" if it had none
	Message   string            // one line, without request id and control characters
	RequestID string
	// Listed is what successList, deletedMetrics and failureList say of single
	// records, in their order; nil where the answer has no such list.
	Listed []Listed
	// Whole says that the verdict is of a call with several records, of which
	// the server did not tell what became of this one.
	Whole bool
	// Strays are records that a call made, as its answer lists them, without
	// telling for which of its items; this one, in doubt, may be one of theirs.
	Strays     []string
	HTTPStatus int           // 0 when no answer arrived
	ServerTime time.Time     // the Date header, or Recorded if later; zero if unknown
	Recorded   time.Time     // CreatedDate or ModifiedDate of the record, the later one, by the clock that dates goals; zero if unknown
	RetryAfter time.Duration // of a throttled answer; 0 when the server did not say
	Err        error         // of the transport, redacted; nil when an answer arrived
}

// Listed is one element of successList, deletedMetrics or failureList.
type Listed struct {
	Gsid, Name    string // as far as the element tells
	Failed        bool
	Code, Message string // of a failed one
	Unsure        bool   // it is listed as done in an answer that calls itself a failure
}

// Failure returns nil for an answer that is Done, and otherwise an *Error for
// the operation op ("create goal").
func (a Answer) Failure(op string) error {
	if a.Verdict == Done {
		return nil
	}
	return &Error{Op: op, Answer: a}
}

// What errors.Is finds in an *Error, one for each reaction.
var (
	ErrFatal       = errors.New("the tenant cannot be worked with as configured") // every Fatal answer
	ErrKeyRefused  = errors.New("the access key or this machine's address was refused")
	ErrWrongHost   = errors.New("the base URL does not lead to the Customer Goals API")
	ErrThrottled   = errors.New("the tenant's quota is used up")
	ErrUnreachable = errors.New("the tenant cannot be reached")
	ErrRejected    = errors.New("the tenant rejected the request")
	ErrInDoubt     = errors.New("no answer that can be relied on") // of a read: it failed several times in a row
)

// Error is a call that was not Done.
type Error struct {
	Op     string // "fetch goals"
	Answer Answer
}

// Error words the answer on one line.
func (e *Error) Error() string {
	a := &e.Answer
	var b strings.Builder
	b.WriteString(e.Op)
	b.WriteString(": ")
	b.WriteString(a.Verdict.String())
	if a.HTTPStatus != 0 {
		fmt.Fprintf(&b, ": HTTP %d", a.HTTPStatus)
	}
	for _, part := range []string{a.Code, a.Message} {
		if part != "" {
			b.WriteString(": ")
			b.WriteString(part)
		}
	}
	if a.Err != nil {
		b.WriteString(": ")
		b.WriteString(a.Err.Error())
	}
	if a.RequestID != "" {
		b.WriteString(" (request " + a.RequestID + ")")
	}
	return b.String()
}

// Unwrap gives the transport's error, nil when an answer arrived.
func (e *Error) Unwrap() error { return e.Answer.Err }

// Is tells which of the sentinels fits the verdict.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrFatal:
		return e.Answer.Verdict == Fatal
	case ErrKeyRefused:
		return e.Answer.Verdict == Fatal && refusesKey(e.Answer.HTTPStatus, e.Answer.Code)
	case ErrWrongHost:
		return e.Answer.Verdict == Fatal && e.Answer.HTTPStatus != 0 && !refusesKey(e.Answer.HTTPStatus, e.Answer.Code)
	case ErrThrottled:
		return e.Answer.Verdict == Throttled
	case ErrUnreachable:
		return e.Answer.Verdict == NotSent
	case ErrRejected:
		return e.Answer.Verdict == Rejected
	case ErrInDoubt:
		return e.Answer.Verdict == InDoubt
	default:
		return false
	}
}

// RefusedFields names the fields that a fetch was refused for ("Invalid fields
// in select clause - Gsd"), nil when that was not the reason.
func (e *Error) RefusedFields() []string {
	const clause = "select clause"
	lower := strings.ToLower(e.Answer.Message)
	at := strings.Index(lower, clause)
	if e.Answer.Verdict != Rejected || at < 0 {
		return nil
	}
	rest := strings.Trim(e.Answer.Message[at+len(clause):], " -:[].")
	var fields []string
	for name := range strings.SplitSeq(rest, ",") {
		if name = strings.Trim(name, " '\"[]"); name != "" {
			fields = append(fields, name)
		}
	}
	return fields
}
