package pipeline

import (
	"context"
	"encoding/json"
	"slices"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// goalWalk takes the goals of a walk into a spool, and marks the spool after
// each page with the position that the walk has come to.
type goalWalk struct {
	walk    *gainsight.Walk
	fields  []string
	links   bool
	spool   *checkpoint.Spool
	resumed int // goals that the spool had already
	end     walkEnd
	asked   int // pages asked for when a goal was last given
}

// walkEnd is the position of a mark. Once Done nothing is left to be fetched.
type walkEnd struct {
	Done       bool               `json:"done"`
	Duplicates int                `json:"duplicates,omitempty"`
	Proved     bool               `json:"proved,omitempty"`
	Why        string             `json:"why,omitempty"`
	At         gainsight.Position `json:"at,omitzero"`
}

// newGoalWalk goes on with the walk of the query where the spool was marked.
func newGoalWalk(client *gainsight.Client, query gainsight.Query, spool *checkpoint.Spool, links bool) (*goalWalk, error) {
	w := &goalWalk{fields: query.Select, links: links, spool: spool, resumed: spool.Len()}
	if at := spool.Position(); at != nil {
		if err := json.Unmarshal(at, &w.end); err != nil {
			return nil, err
		}
	}
	w.walk = client.ResumeWalk(query, w.end.At)
	w.asked = w.walk.Report().Calls
	if w.end.Done {
		return w, nil
	}
	for record, err := range spool.Records() {
		var s struct{ Gsid string }
		if err == nil {
			err = json.Unmarshal(record.Text, &s)
		}
		if err != nil {
			return nil, err
		}
		w.walk.Known(s.Gsid)
	}
	return w, nil
}

// run fetches what is missing. The pages before an error are kept.
func (w *goalWalk) run(ctx context.Context, progress func(goals int)) error {
	if w.end.Done {
		return nil
	}
	n := w.resumed
	for goal, err := range w.walk.Goals(ctx) {
		if err == nil {
			err = w.turned()
		}
		if err == nil {
			err = w.add(&goal)
		} else if goal.Gsid == "" {
			return w.broken(err)
		}
		if err != nil {
			return err
		}
		if n++; progress != nil {
			progress(n)
		}
	}
	report := w.walk.Report()
	w.end = walkEnd{Done: true, Duplicates: report.Duplicates, Proved: report.Proved, Why: report.Why}
	return w.mark()
}

func (w *goalWalk) add(g *gainsight.Goal) error {
	text, err := storedJSON(g, w.fields, w.links)
	if err != nil {
		return err
	}
	return w.spool.Add(text)
}

// turned marks the pages before this one, at the first goal of a page.
func (w *goalWalk) turned() error {
	calls := w.walk.Report().Calls
	if calls == w.asked {
		return nil
	}
	w.asked = calls
	w.end.At = w.walk.Position()
	if len(w.end.At.Gsids) == 0 { // the first page: nothing is before it
		return nil
	}
	return w.mark()
}

// broken keeps the pages that were given before the error of the next one.
func (w *goalWalk) broken(err error) error {
	w.end.At = w.walk.Position()
	if len(w.end.At.Gsids) == 0 && w.spool.Len() == 0 {
		return err // not one page
	}
	if trouble := w.mark(); trouble != nil {
		return trouble
	}
	return err
}

// mark keeps the pages that are in the spool. What was given of a page under
// way is told by the spool itself (Known), which has not all of it.
func (w *goalWalk) mark() error {
	w.end.At.Given = nil
	text, err := json.Marshal(w.end)
	if err != nil {
		return err
	}
	return w.spool.Mark(text)
}

// The names of the associations among the fields of a stored goal: names that
// no field has.
const (
	ctaKey = "/CTA"
	spKey  = "/SP"
)

// storedJSON is a goal as the spool keeps it: an object of its selected fields.
func storedJSON(g *gainsight.Goal, fields []string, links bool) ([]byte, error) {
	doc := make(map[string]any, len(fields)+2)
	for _, name := range fields {
		if raw := g.Fields[name]; raw != nil {
			doc[name] = raw
		}
	}
	if links {
		for key, ids := range map[string][]string{ctaKey: g.CTAIDs(), spKey: g.SPIDs()} {
			if len(ids) > 0 {
				doc[key] = ids
			}
		}
	}
	return json.Marshal(doc)
}

// stored is a goal out of the spool.
type stored struct {
	goal gainsight.Goal
	ctas []string
	sps  []string
}

func (s *stored) read(text []byte) error {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	*s = stored{goal: gainsight.Goal{Fields: fields}}
	for key, to := range map[string]*[]string{ctaKey: &s.ctas, spKey: &s.sps} {
		if raw := fields[key]; raw != nil {
			if err := json.Unmarshal(raw, to); err != nil {
				return err
			}
			slices.Sort(*to)
		}
	}
	s.goal.Gsid = s.goal.Text("Gsid")
	return nil
}
