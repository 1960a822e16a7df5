package pipeline

import (
	"context"
	"encoding/json"
	"slices"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// goalWalk takes the goals of a query into a spool.
type goalWalk struct {
	client  *gainsight.Client
	query   gainsight.Query
	spool   *checkpoint.Spool
	links   bool
	resumed int
	end     walkEnd
}

// walkEnd is the last position of a spool: nothing is left to be fetched.
type walkEnd struct {
	Done       bool   `json:"done"`
	Duplicates int    `json:"duplicates"`
	Proved     bool   `json:"proved"`
	Why        string `json:"why,omitempty"`
}

func newGoalWalk(_ context.Context, client *gainsight.Client, query gainsight.Query, spool *checkpoint.Spool, links bool) (*goalWalk, error) {
	w := &goalWalk{client: client, query: query, spool: spool, links: links}
	at := spool.Position()
	if at == nil {
		return w, nil
	}
	if err := json.Unmarshal(at, &w.end); err != nil || !w.end.Done {
		w.end = walkEnd{}
		return w, spool.Begin(spool.Head())
	}
	w.resumed = spool.Len()
	return w, nil
}

// run fetches what is missing.
func (w *goalWalk) run(ctx context.Context, progress func(int)) error {
	if w.end.Done {
		return nil
	}
	n := 0
	for goal, err := range w.client.Goals(ctx, w.query) {
		if err != nil {
			return err
		}
		if err := w.spool.Add(appendStored(nil, &goal, w.query.Select, w.links)); err != nil {
			return err
		}
		if n++; progress != nil {
			progress(n)
		}
	}
	w.end = walkEnd{Done: true, Why: "the pages were read once, in order"}
	return w.mark(w.end)
}

func (w *goalWalk) mark(position any) error {
	text, err := json.Marshal(position)
	if err != nil {
		return err
	}
	return w.spool.Mark(text)
}

// stored is a goal as the spool keeps it.
type stored struct {
	goal gainsight.Goal
	CTAs []string
	SPs  []string
}

// appendStored appends a goal as JSON: its selected fields, and the ids of its
// associations beside them under names that no field has.
func appendStored(dst []byte, g *gainsight.Goal, fields []string, links bool) []byte {
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
	text, err := json.Marshal(doc)
	if err != nil { // the fields were read as JSON before
		panic(err)
	}
	return append(dst, text...)
}

// The names of the associations among the fields of a stored goal.
const (
	ctaKey = "/CTA"
	spKey  = "/SP"
)

func (s *stored) read(text []byte) error {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	*s = stored{goal: gainsight.Goal{Fields: fields}}
	for key, to := range map[string]*[]string{ctaKey: &s.CTAs, spKey: &s.SPs} {
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
