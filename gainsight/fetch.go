package gainsight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Query says which records are wanted and which of their fields.
type Query struct {
	// Object is GoalObject (""), TemplateObject or MetricObject. A page has
	// records of each as Goals; templates and metrics have no associations, and
	// the DueDate of a template is a number of days. For metrics see metricPage.
	Object string
	Select []string
	Where  []Condition
	// Expression combines the conditions by their aliases: "A AND B". "": all of them hold.
	Expression string
	PageSize   int // of Goals; 0: DefaultPageSize
}

// Condition compares a field. Operators shown in the specification are EQ,
// STARTS_WITH and CONTAINS; others are passed through.
type Condition struct {
	Field    string
	Operator string
	Values   []Value
	Alias    string // "": A for the first condition, B for the second, …
}

// Goal is one record of a page. Its bytes are part of the page's; a goal that
// outlives many pages should be copied with Clone.
type Goal struct {
	Gsid   string
	Fields map[string]json.RawMessage // fields that are null are absent; those not selected may be present
	CTAs   []json.RawMessage          // associatedCTAs, objects with a gsid
	SPs    []json.RawMessage          // associatedSPs
}

// Text returns what a field says: the content of a string, the digits of a
// number, true or false, the JSON of anything else; "" where the field is absent or null.
func (g *Goal) Text(field string) string {
	raw := g.Fields[field]
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case raw[0] == '"':
		return string(unquoted(raw))
	default:
		return string(raw)
	}
}

// CTAIDs returns the Gsids of the associated calls to action.
func (g *Goal) CTAIDs() []string { return linkIDs(g.CTAs) }

// SPIDs returns the Gsids of the associated success plans.
func (g *Goal) SPIDs() []string { return linkIDs(g.SPs) }

func linkIDs(links []json.RawMessage) []string {
	var ids []string
	for _, raw := range links {
		ids = collectIDs(ids, raw)
	}
	return ids
}

// Clone returns a goal that shares no memory with its page.
func (g *Goal) Clone() Goal {
	copied := Goal{Gsid: strings.Clone(g.Gsid), Fields: make(map[string]json.RawMessage, len(g.Fields))}
	for name, raw := range g.Fields {
		copied.Fields[name] = slices.Clone(raw)
	}
	copied.CTAs, copied.SPs = cloneAll(g.CTAs), cloneAll(g.SPs)
	return copied
}

func cloneAll(list []json.RawMessage) []json.RawMessage {
	if list == nil {
		return nil
	}
	out := make([]json.RawMessage, len(list))
	for i := range list {
		out[i] = slices.Clone(list[i])
	}
	return out
}

// Page is the answer to one fetch.
type Page struct {
	Goals      []Goal
	ServerTime time.Time // the Date header; zero if unknown
}

// fetch is where pages of the query come from.
func (c *Client) fetch(q *Query) *endpoint {
	switch q.Object {
	case TemplateObject:
		return &c.templates
	case MetricObject:
		return &c.picklist
	}
	return &c.goals
}

// FetchPage fetches one page (POST /v1/csgoal/external/fetch, and …/template/fetch
// for templates), counted from 1, of at most size records. Throttled and passing failures are repeated. "No data
// found" is an empty page. A page too large for Config.MaxBody, or whose JSON
// is not of the form of the specification, is an error.
func (c *Client) FetchPage(ctx context.Context, q Query, page, size int) (Page, error) {
	from := c.fetch(&q)
	if page < 1 || size < 1 {
		return Page{}, fmt.Errorf("%s: page %d of size %d: both count from 1", from.op, page, size)
	}
	if q.Object == MetricObject {
		return c.metricPage(ctx, &q, page, size)
	}
	body, ans, err := c.read(ctx, from, q.appendJSON(nil, page, size))
	if err != nil {
		var failure *Error
		if errors.As(err, &failure) && ans.noData() {
			return Page{ServerTime: ans.ServerTime}, nil
		}
		return Page{}, err
	}
	goals, ok := readGoals(body)
	if !ok {
		return Page{}, fmt.Errorf("%s: page %d: the answer holds no recordList of records with a Gsid (request %s)", from.op, page, ans.RequestID)
	}
	return Page{Goals: goals, ServerTime: ans.ServerTime}, nil
}

// noData: the way in which the API words an empty page.
func (a *Answer) noData() bool {
	if a.Verdict != Rejected && a.Verdict != InDoubt {
		return false
	}
	return a.Code == codeNoData || strings.Contains(strings.ToLower(a.Message), "no data found")
}

func (q *Query) appendJSON(dst []byte, page, size int) []byte {
	dst = append(dst, `{"select":`...)
	dst = appendStrings(dst, q.Select)
	if len(q.Where) > 0 {
		dst = q.appendWhere(append(dst, `,"where":`...))
	}
	dst = append(dst, `,"pageSize":`...)
	dst = strconv.AppendInt(dst, int64(size), 10)
	dst = append(dst, `,"pageNumber":`...)
	dst = strconv.AppendInt(dst, int64(page), 10)
	return append(dst, '}')
}

func (q *Query) appendWhere(dst []byte) []byte {
	aliases := make([]string, len(q.Where))
	dst = append(dst, `{"conditions":[`...)
	for i, cond := range q.Where {
		if aliases[i] = cond.Alias; cond.Alias == "" {
			aliases[i] = alias(i)
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(dst, `{"fieldName":`...), cond.Field)
		dst = append(dst, `,"value":[`...)
		for j, v := range cond.Values {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = v.AppendJSON(dst)
		}
		dst = appendString(append(dst, `],"alias":`...), aliases[i])
		dst = appendString(append(dst, `,"operator":`...), cond.Operator)
		dst = append(dst, '}')
	}
	expression := q.Expression
	if expression == "" {
		expression = strings.Join(aliases, " AND ")
	}
	dst = appendString(append(dst, `],"expression":`...), expression)
	return append(dst, '}')
}

// alias numbers conditions as spreadsheets number columns: A … Z, AA.
func alias(i int) string {
	name := string(rune('A' + i%26))
	if i >= 26 {
		return alias(i/26-1) + name
	}
	return name
}

// readGoals decodes a page: data.recordList of an envelope, or a bare
// recordList; records with a dataList, or flat ones.
func readGoals(body []byte) (goals []Goal, ok bool) {
	s := scanner{data: body}
	found := false
	list := func() bool {
		if s.space() != '[' {
			return s.skip()
		}
		found = true
		return s.array(func() bool {
			g, ok := readGoal(&s)
			goals = append(goals, g)
			return ok && g.Gsid != ""
		})
	}
	ok = s.object(func(key []byte) bool {
		switch {
		case string(key) == "recordList":
			return list()
		case string(key) == "data" && s.space() == '{':
			return s.object(func(key []byte) bool {
				if string(key) == "recordList" {
					return list()
				}
				return s.skip()
			})
		default:
			return s.skip()
		}
	})
	return goals, ok && found
}

func readGoal(s *scanner) (Goal, bool) {
	g := Goal{Fields: make(map[string]json.RawMessage, 16)}
	ok := s.object(func(key []byte) bool {
		switch string(key) {
		case "dataList":
			return s.space() == '{' && s.object(func(key []byte) bool { return g.readField(s, key) })
		case "associatedCTAs":
			return s.rawList(&g.CTAs)
		case "associatedSPs":
			return s.rawList(&g.SPs)
		default:
			return g.readField(s, key)
		}
	})
	if raw := g.Fields["Gsid"]; len(raw) > 2 && raw[0] == '"' {
		g.Gsid = string(unquoted(raw))
	}
	return g, ok
}

func (g *Goal) readField(s *scanner, key []byte) bool {
	raw, ok := s.value()
	if string(raw) != "null" {
		g.Fields[string(key)] = raw
	}
	return ok
}

// rawList keeps the elements of an array; null and others are an empty list.
func (s *scanner) rawList(to *[]json.RawMessage) bool {
	if s.space() != '[' {
		return s.skip()
	}
	return s.array(func() bool {
		raw, ok := s.value()
		*to = append(*to, raw)
		return ok
	})
}
