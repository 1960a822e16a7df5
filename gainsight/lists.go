package gainsight

import (
	"fmt"
	"slices"
	"strings"
)

// The lists in the answers to writes of templates and metrics. The
// specification shows failureList empty only, so its elements are read
// leniently: the record, or its id alone, beside a code and a message.

// readSuccess takes an element of successList or deletedMetrics.
func (e *envelope) readSuccess(s *scanner) bool {
	before, at := e.gsid, s.pos
	e.gsid = ""
	ok := e.readRecord(s)
	one := Listed{Gsid: e.gsid}
	if e.gsid == "" {
		e.gsid = before
	}
	if ok {
		inner := scanner{data: s.data[at:s.pos]}
		one.identity(&inner)
		e.listed = append(e.listed, one)
	}
	return ok
}

// readFailures notes that records failed and, where the list says it, why.
func (e *envelope) readFailures(s *scanner) bool {
	if s.space() != '[' {
		v, ok := s.value()
		e.failed = e.failed || ok && !slices.Contains([]string{"null", "{}", "0", `""`, "false"}, string(v))
		return ok
	}
	return s.array(func() bool {
		e.failed = true
		one := Listed{Failed: true}
		ok := one.read(s)
		one.Message = oneLine(one.Message)
		if one.Code != "" {
			e.code = one.Code
		}
		if one.Message != "" {
			e.message = one.Message
		}
		e.listed = append(e.listed, one)
		return ok
	})
}

// read takes an element of failureList: an object, or a text that is a Gsid or
// a message.
func (l *Listed) read(s *scanner) bool {
	if s.space() != '{' {
		v, ok := s.value()
		l.word(text(v))
		return ok
	}
	return s.object(func(key []byte) bool {
		switch string(key) {
		case "errorCode", "code":
			return s.textTo(&l.Code)
		case "message", "errorMessage", "errorDesc", "reason", "error":
			return s.textTo(&l.Message)
		case "record", "request", "data":
			return l.record(s)
		default:
			return l.field(key, s)
		}
	})
}

// record takes what names a record: an object, or its id.
func (l *Listed) record(s *scanner) bool {
	if s.space() != '{' {
		v, ok := s.value()
		l.word(text(v))
		return ok
	}
	return s.object(func(key []byte) bool {
		if string(key) == "record" {
			return l.record(s)
		}
		return l.field(key, s)
	})
}

func (l *Listed) identity(s *scanner) {
	_ = s.object(func(key []byte) bool { return l.field(key, s) }) // it was read before
}

// field takes a member that names the record.
func (l *Listed) field(key []byte, s *scanner) bool {
	switch string(key) {
	case "Gsid", "gsid", "recordId", "id":
		return s.idTo(&l.Gsid)
	case "Name", "name":
		return s.textTo(&l.Name)
	default:
		return s.skip()
	}
}

func (l *Listed) word(text string) {
	if isGsid(text) {
		l.Gsid = text
	} else if text != "" && l.Message == "" {
		l.Message = text
	}
}

// usage is the errorInfo of VC_8026: where a metric is in use.
type usage struct {
	layouts []string
	goals   []Listed
}

func (u *usage) read(s *scanner) bool {
	if s.space() != '{' {
		return s.skip()
	}
	return s.object(func(key []byte) bool {
		switch {
		case string(key) == "usageInLayouts" && s.space() == '[':
			return s.array(func() bool {
				var name string
				ok := s.textTo(&name)
				u.layouts = append(u.layouts, name)
				return ok
			})
		case string(key) == "usageInGoals" && s.space() == '[':
			return s.array(func() bool {
				var one Listed
				ok := one.record(s)
				u.goals = append(u.goals, one)
				return ok
			})
		default:
			return s.skip()
		}
	})
}

// maxUsage is how many goals and layouts are named.
const maxUsage = 5

// String is the usage in words, "" for none.
func (u *usage) String() string {
	var parts []string
	if n := len(u.goals); n > 0 {
		var goals []string
		for _, g := range u.goals[:min(n, maxUsage)] {
			goals = append(goals, fmt.Sprintf("%q (%s)", g.Name, g.Gsid))
		}
		parts = append(parts, "Used by "+counted(n, "goal or template", "goals or templates")+": "+strings.Join(goals, ", ")+more(n))
	}
	if n := len(u.layouts); n > 0 {
		var names []string
		for _, name := range u.layouts[:min(n, maxUsage)] {
			names = append(names, fmt.Sprintf("%q", name))
		}
		parts = append(parts, "in the layouts of "+counted(n, "goal type", "goal types")+": "+strings.Join(names, ", ")+more(n))
	}
	return strings.Join(parts, "; ")
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func more(n int) string {
	if n <= maxUsage {
		return ""
	}
	return fmt.Sprintf(" and %d more", n-maxUsage)
}
