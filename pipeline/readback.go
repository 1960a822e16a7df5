package pipeline

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"gsbatch/gainsight"
)

// fetchAll fetches the goals that each open doubt is to be compared with; equal
// questions are asked once.
func (s *settling) fetchAll() map[*sought][]gainsight.Goal {
	found := map[*sought][]gainsight.Goal{}
	asked := map[question][]gainsight.Goal{}
	for _, want := range s.open {
		key := s.asks(want)
		goals, known := asked[key]
		if !known {
			var gap string
			var err error
			if goals, gap, err = s.fetch(key); err != nil {
				s.fault(err)
				return nil
			}
			s.gaps[key] = gap
			if s.stops.stopping() {
				return nil
			}
			asked[key] = goals
		}
		found[want] = goals
	}
	return found
}

// otherwise adds, for creates of which no goal is found as it was sent, those
// that may be one that the tenant keeps otherwise: without its marker, or under
// another name.
func (s *settling) otherwise(found map[*sought][]gainsight.Goal) {
	asked := map[question][]gainsight.Goal{}
	for _, want := range s.open {
		if !want.isCreate() || !s.of.isGoals() || len(found[want]) > 0 {
			continue
		}
		for _, key := range want.elsewhere() {
			goals, known := asked[key]
			if !known {
				var err error
				if goals, s.gaps[key], err = s.fetch(key); err != nil {
					s.fault(err)
				}
				if s.stops.stopping() {
					return
				}
				asked[key] = goals
			}
			want.lost = true
			s.gaps[s.asks(want)] = cmp.Or(s.gaps[s.asks(want)], s.gaps[key])
			found[want] = append(found[want], goals...)
		}
	}
}

// elsewhere are the questions for what a tenant may have made of a goal.
func (s *sought) elsewhere() (all []question) {
	if s.marker != "" {
		all = append(all, question{field: "Name", value: s.name})
	}
	if !isPlain(s.name) {
		if ask, any := like(s.name); any {
			all = append(all, ask)
		}
	}
	return all
}

// question is what one fetch asks for: the goals of which field is value, or
// what the operator says.
type question struct {
	field, value string
	operator     string // "": EQ
}

// asks is the question whose answer holds the goal of a doubt, if there is one.
func (s *settling) asks(want *sought) question {
	switch {
	case !want.isCreate():
		return question{field: "Gsid", value: want.doubt.Gsid}
	case want.marker != "":
		return question{field: s.markerField(), value: want.marker}
	}
	return question{field: "Name", value: want.name}
}

// fetch reads every goal that answers the question. gap says why goals may be
// missing from the answer, "" where none can be. A field that the tenant does
// not let us select is left out of the comparison.
func (s *settling) fetch(ask question) (goals []gainsight.Goal, gap string, err error) {
	for {
		goals, err = nil, nil
		query := gainsight.Query{Object: s.of.name(), Select: s.columns, Where: []gainsight.Condition{ask.condition()}}
		if !s.withinBudget() {
			return nil, "", nil
		}
		walk := s.cfg.Client.Walk(query)
		for g, failed := range walk.Goals(s.stops.ctx) {
			if err = failed; err != nil {
				break
			}
			goals = append(goals, g.Clone())
		}
		var failure *gainsight.Error
		switch refused := errors.As(err, &failure); {
		case err == nil && walk.Report().Proved:
			return goals, "", nil
		case err == nil:
			return goals, "the tenant's list is not proved to be whole: " + walk.Report().Why, nil
		case refused && s.drop(failure.RefusedFields()):
		case refused && failure.Answer.Verdict == gainsight.Rejected:
			return nil, "the tenant does not list " + s.of.noun() + "s by " + ask.field + ": " + reasonOf(failure.Answer), nil
		default:
			return nil, "", err
		}
	}
}

// drop takes refused fields out of the selection, and says whether it did.
func (s *settling) drop(refused []string) bool {
	before := len(s.columns)
	s.columns = slices.DeleteFunc(s.columns, func(field string) bool { return slices.Contains(refused, field) })
	for _, want := range slices.Concat(s.open, s.later) {
		for _, field := range refused {
			if _, sent := want.fields[field]; sent {
				delete(want.fields, field)
				want.blind = true
			}
		}
	}
	return len(s.columns) < before
}

// claims tells which of the found goals answer for a row already.
func (s *settling) claims(ctx context.Context, found map[*sought][]gainsight.Goal) (map[string]bool, error) {
	var gsids []string
	for _, goals := range found {
		for i := range goals {
			gsids = append(gsids, goals[i].Gsid)
		}
	}
	claimed, err := s.cfg.Tenant.ClaimedElsewhere(ctx, s.cfg.Run, gsids)
	if err != nil {
		return nil, err
	}
	own, err := s.cfg.Run.Claimed(ctx, gsids)
	for gsid := range own {
		claimed[gsid] = true
	}
	return claimed, err
}
