package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// Settle settles rows of the run that are in doubt, by reading back. It sends
// nothing: a row that is proved absent is pending, for a resume. lines, unless
// empty, are those of the rows to settle; a parked row among them is looked
// for once more. The outcome and the error are those of Apply, or a *DecisionError.
func Settle(ctx, stop context.Context, cfg ApplyConfig, lines []int) (Outcome, error) {
	return carryOut(ctx, stop, cfg, true, func(a *apply, ctx context.Context) error {
		if err := a.knows(ctx, lines); err != nil {
			return err
		}
		_, err := a.settleRows(ctx, true, func(d *checkpoint.Doubt) bool {
			if len(lines) > 0 {
				return slices.Contains(lines, d.Line)
			}
			return d.Status == checkpoint.InDoubt
		})
		if err == nil {
			err = a.auditLast(ctx)
		}
		return err
	})
}

// auditLast audits where no row is left to be sent or settled.
func (a *apply) auditLast(ctx context.Context) error {
	if err := a.folded(ctx); err != nil {
		return err
	}
	counts, err := a.cfg.Run.Counts(ctx)
	if err != nil || counts.Pending+counts.InDoubt > 0 {
		return err
	}
	return a.audit(ctx)
}

// undecided says that a row waits for reading back or for a person.
func undecided(d *checkpoint.Doubt) bool {
	return d.Status == checkpoint.InDoubt || d.Status == checkpoint.Parked
}

// Decision is a person's word on a row that is in doubt or parked.
type Decision struct {
	Line int
	// Status is what the row becomes: created (of an update: updated), pending,
	// to be sent, or skipped.
	Status checkpoint.Status
	Gsid   string // with created: the row's goal
}

// ParseDecision reads the words of a decision: "created GSID" or the Gsid
// alone, "send", "skip".
func ParseDecision(line int, text string) (Decision, error) {
	words := strings.Fields(text)
	d := Decision{Line: line}
	switch {
	case len(words) == 1 && strings.EqualFold(words[0], "send"):
		d.Status = checkpoint.Pending
	case len(words) == 1 && strings.EqualFold(words[0], "skip"):
		d.Status = checkpoint.Skipped
	case len(words) == 2 && strings.EqualFold(words[0], "created") && isGsid(words[1]):
		d.Status, d.Gsid = checkpoint.Created, words[1]
	case len(words) == 1 && isGsid(words[0]):
		d.Status, d.Gsid = checkpoint.Created, words[0]
	default:
		return d, &DecisionError{Line: line, What: fmt.Sprintf("%q is no decision", text), Mend: "write created GSID, send or skip"}
	}
	return d, nil
}

// isGsid tells a Gsid from other words: 36 letters and digits.
func isGsid(text string) bool {
	return len(text) == 36 && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

// DecisionError says why a decision cannot be carried out.
type DecisionError struct {
	Line       int
	What, Mend string
}

func (e *DecisionError) Error() string { return fmt.Sprintf("row %d: %s; %s", e.Line, e.What, e.Mend) }

// Decide carries out a person's decisions, all of them or, where one cannot be,
// none. A goal that a row is said to have made is fetched: it must be there,
// bear the row's name, and answer for no other row. The outcome and the error
// are those of Apply, or a *DecisionError.
func Decide(ctx, stop context.Context, cfg ApplyConfig, decisions []Decision) (Outcome, error) {
	return carryOut(ctx, stop, cfg, false, func(a *apply, ctx context.Context) error {
		var lines []int
		for _, d := range decisions {
			if slices.Contains(lines, d.Line) {
				return &DecisionError{Line: d.Line, What: "is decided twice", Mend: "decide once"}
			}
			lines = append(lines, d.Line)
		}
		if err := a.knows(ctx, lines); err != nil {
			return err
		}
		s := &settling{apply: a, began: time.Now()}
		if err := s.load(ctx, func(d *checkpoint.Doubt) bool { return slices.Contains(lines, d.Line) }); err != nil {
			return err
		}
		events, err := s.decided(ctx, decisions)
		if err != nil || a.stops.stopping() {
			return err
		}
		for want, event := range events {
			s.record(want, event)
		}
		return nil
	})
}

// knows refuses lines of rows that are neither in doubt nor parked.
func (a *apply) knows(ctx context.Context, lines []int) error {
	if len(lines) == 0 {
		return nil
	}
	doubts, err := a.cfg.Run.Doubts(ctx)
	if err != nil {
		return err
	}
	for _, line := range lines {
		if !slices.ContainsFunc(doubts.Rows, func(d checkpoint.Doubt) bool { return d.Line == line && undecided(&d) }) {
			return &DecisionError{Line: line, What: "is neither in doubt nor parked in run " + a.cfg.Run.Info().ID,
				Mend: "take a _line from in_doubt.csv"}
		}
	}
	return nil
}

// decidedByPerson is the code of what Decide settled.
const decidedByPerson = "decided"

// decided checks the decisions, and gives what they make of their rows.
func (s *settling) decided(ctx context.Context, decisions []Decision) (map[*sought]checkpoint.Event, error) {
	found := map[string]*sought{} // by the goal that was named
	events := map[*sought]checkpoint.Event{}
	for _, d := range decisions {
		want := s.open[slices.IndexFunc(s.open, func(want *sought) bool { return want.doubt.Line == d.Line })]
		event := checkpoint.Event{Status: d.Status, Gsid: d.Gsid, Code: decidedByPerson, Reason: "decided by a person"}
		if d.Gsid != "" {
			if found[d.Gsid] != nil {
				return nil, &DecisionError{Line: d.Line, What: s.of.noun() + " " + d.Gsid + " was named for another row too", Mend: "name each goal once"}
			}
			found[d.Gsid] = want
			if err := s.confirm(want, d); err != nil || s.stops.stopping() {
				return nil, err
			}
			if !want.isCreate() {
				event.Status = checkpoint.Updated
			}
		}
		events[want] = event
	}
	return events, s.unclaimed(ctx, found)
}

// confirm fetches the goal that a person says is the row's.
func (s *settling) confirm(want *sought, d Decision) error {
	refuse := func(what string) error {
		return &DecisionError{Line: d.Line, What: what, Mend: "see the goal in Gainsight, or decide send or skip"}
	}
	if want.isDelete() {
		return refuse("is a delete, which is settled by whether the " + s.of.noun() + " is still there")
	}
	if !want.isCreate() && want.doubt.Gsid != d.Gsid {
		return refuse("is an update of " + s.of.noun() + " " + want.doubt.Gsid + ", not of " + d.Gsid)
	}
	goals, _, err := s.fetch(question{field: "Gsid", value: d.Gsid})
	if err != nil {
		s.fault(err)
		return nil
	}
	if s.stops.stopping() {
		return nil
	}
	at := slices.IndexFunc(goals, func(g gainsight.Goal) bool { return g.Gsid == d.Gsid })
	if at < 0 {
		return refuse(s.of.gone(d.Gsid))
	}
	if name := goals[at].Text("Name"); want.isCreate() && !sameName(name, want.name) {
		return refuse(fmt.Sprintf("%s %s is named %q, and the row %q", s.of.noun(), d.Gsid, name, want.name))
	}
	return nil
}

// unclaimed refuses goals that answer for other rows already.
func (s *settling) unclaimed(ctx context.Context, found map[string]*sought) error {
	var gsids []string
	for gsid, want := range found {
		if want.isCreate() {
			gsids = append(gsids, gsid)
		}
	}
	slices.Sort(gsids)
	own, err := s.cfg.Run.Claimed(ctx, gsids)
	if err != nil {
		return err
	}
	if err := s.cfg.Tenant.IndexCreated(ctx, s.cfg.Run.Info().ID); err != nil { // a run that is being applied may have told since
		return err
	}
	elsewhere, err := s.cfg.Tenant.ClaimedElsewhere(ctx, s.cfg.Run, gsids)
	if err != nil {
		return err
	}
	for _, gsid := range gsids {
		if seq, claimed := own[gsid]; elsewhere[gsid] || claimed && seq != found[gsid].doubt.Seq {
			return &DecisionError{Line: found[gsid].doubt.Line, What: s.of.noun() + " " + gsid + " answers for another row already", Mend: "decide send or skip"}
		}
	}
	return nil
}
