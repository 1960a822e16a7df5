package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// fitting are the goals that fit one doubt.
type fitting struct{ exact, near []string }

// match compares the open creates with the unclaimed goals. A goal that fits
// several of them, or a rival too, proves nothing of any one.
func (s *settling) match(found map[*sought][]gainsight.Goal, claimed map[string]bool) map[*sought]fitting {
	fits := map[*sought]fitting{}
	wanted := map[string]int{}
	for _, want := range s.open {
		if !want.isCreate() {
			continue
		}
		var f fitting
		for i := range found[want] {
			g := &found[want][i]
			if claimed[g.Gsid] {
				continue
			}
			how := want.fits(g, s.user, s.markerField())
			switch how {
			case exactFit:
				f.exact = append(f.exact, g.Gsid)
			case nearFit:
				f.near = append(f.near, g.Gsid)
			}
			if want.mayBe(g, how) {
				wanted[g.Gsid]++
			}
		}
		fits[want] = f
	}
	for want, f := range fits {
		if len(f.exact) == 1 && (wanted[f.exact[0]] > 1 || s.contested(want, found[want], f.exact[0])) {
			f.near, f.exact = append(f.near, f.exact...), nil
			fits[want] = f
		}
	}
	return fits
}

// contested says whether the goal may be a rival's.
func (s *settling) contested(want *sought, goals []gainsight.Goal, gsid string) bool {
	g := &goals[slices.IndexFunc(goals, func(g gainsight.Goal) bool { return g.Gsid == gsid })]
	name := foldName(want.name)
	undecided := func(rival *sought) bool {
		return rival.isCreate() && foldName(rival.name) == name && rival.mayBe(g, rival.fits(g, s.user, s.markerField()))
	}
	return slices.ContainsFunc(s.rivals[name], undecided) || slices.ContainsFunc(s.later, undecided) || want.marker == "" && slices.ContainsFunc(s.foreign[name], func(rival *sought) bool {
		made, known := millis(g, "CreatedDate")
		return (!known || made <= rival.doubt.Last+longestFlight.Milliseconds()) && rival.mayBe(g, rival.fits(g, s.user, ""))
	})
}

// strangers reads what other runs have in doubt or under way.
func (s *settling) strangers(ctx context.Context) error {
	doubts, err := s.cfg.Tenant.DoubtsElsewhere(ctx, s.cfg.Run)
	if err != nil {
		return err
	}
	s.foreign = map[string][]*sought{}
	for i := range doubts {
		rival, err := newSought(&doubts[i].Doubt, doubts[i].Learned)
		if err != nil {
			return err
		}
		s.foreign[foldName(rival.name)] = append(s.foreign[foldName(rival.name)], rival)
	}
	return nil
}

// decide says what a doubt is settled as; decided is false while that is open.
func (s *settling) decide(want *sought, goals []gainsight.Goal, fits map[*sought]fitting, final bool) (e checkpoint.Event, decided bool) {
	switch {
	case want.isDelete():
		return s.decideDelete(want, goals, final)
	case !want.isCreate():
		return s.decideUpdate(want, goals, final)
	}
	f := fits[want]
	switch {
	case len(f.exact) == 1:
		return checkpoint.Event{Status: checkpoint.Created, Gsid: f.exact[0], Code: "recovered", Reason: "found in the tenant by reading back"}, true
	case !final:
		return e, false
	case len(f.exact)+len(f.near) == 0 && s.gaps[s.asks(want)] != "":
		return parked("absence cannot be proved, for " + s.gaps[s.asks(want)]), true
	case len(f.exact)+len(f.near) == 0 && strings.HasPrefix(want.doubt.Why, straysListed+" "):
		return parked("no " + s.of.noun() + " has this row's name, and the tenant may have changed it: " + strings.TrimPrefix(want.doubt.Why, straysListed+" ")), true
	case len(f.exact)+len(f.near) == 0:
		return s.absent(want, "no "+s.of.noun()+" of this row is in the tenant")
	case !s.last:
		return e, false
	}
	return parked(s.of.noun() + "s that may be this row's, or another's, are in the tenant: " + listed(append(f.exact, f.near...))), true
}

// decideUpdate settles an update by its goal.
func (s *settling) decideUpdate(want *sought, goals []gainsight.Goal, final bool) (e checkpoint.Event, decided bool) {
	it := s.of.noun() + " " + want.doubt.Gsid
	if len(goals) == 0 {
		if !final {
			return e, false
		}
		return parked(strings.TrimRight(it+" cannot be read back: "+s.gaps[s.asks(want)], ": ")), true
	}
	g := &goals[0]
	if !want.hides(g) && want.asSent(g) {
		return checkpoint.Event{Status: checkpoint.Updated, Gsid: want.doubt.Gsid, Code: "recovered", Reason: "every field that was sent is so in the tenant"}, true
	}
	modified, known := millis(g, "ModifiedDate")
	switch {
	case !final:
		return e, false
	case want.hides(g):
		return parked("the update carries what reading back cannot show (metrics, associations); see in the tenant whether " + it + " has it"), true
	case known && want.doubt.Before > 0 && modified == want.doubt.Before:
		return s.absent(want, it+" was not modified since it was read for the plan")
	case known && want.doubt.Since > 0 && modified < want.doubt.Since-clockSlack.Milliseconds():
		return s.absent(want, it+" was not modified since before the call")
	}
	return parked(it + " was modified since the call, to other values than those sent"), true
}

// decideDelete settles a delete by its record.
func (s *settling) decideDelete(want *sought, goals []gainsight.Goal, final bool) (e checkpoint.Event, decided bool) {
	gsid, gap := want.doubt.Gsid, s.gaps[s.asks(want)]
	refusal, refused := strings.CutPrefix(want.doubt.Why, refusedUnproved)
	switch {
	case len(goals) == 0 && gap == "" && refused && want.doubt.Sends < 2:
		return checkpoint.Event{Status: checkpoint.Unchanged, Gsid: gsid, Code: "already-gone", Reason: s.of.gone(gsid) + ": there is nothing to delete"}, true
	case len(goals) == 0 && gap == "":
		return checkpoint.Event{Status: checkpoint.Deleted, Gsid: gsid, Code: "recovered", Reason: s.of.gone(gsid) + " any more"}, true
	case !final:
		return e, false
	case len(goals) == 0:
		return parked("whether " + s.of.noun() + " " + gsid + " is gone cannot be proved, for " + gap), true
	case refused:
		code, reason, _ := strings.Cut(strings.TrimPrefix(refusal, ":"), " ")
		return checkpoint.Event{Status: checkpoint.Rejected, Gsid: gsid, Code: code, Reason: reason}, true
	}
	return s.absent(want, s.of.noun()+" "+gsid+" is still in the tenant")
}

// absent makes a row pending again whose call is proved not to have been
// executed, unless that has happened to it too often.
func (s *settling) absent(want *sought, why string) (checkpoint.Event, bool) {
	if want.doubt.Sends >= maxDoubtfulSends {
		return parked(fmt.Sprintf("%s, after %d calls without an answer; see what keeps this row from being answered (the last call: %s)", why, want.doubt.Sends, want.doubt.Why)), true
	}
	return checkpoint.Event{Status: checkpoint.Pending, Code: "absent", Reason: why + ": to be sent again"}, true
}

func parked(reason string) checkpoint.Event {
	return checkpoint.Event{Status: checkpoint.Parked, Code: "parked", Reason: reason}
}

// listed names some Gsids.
func listed(gsids []string) string {
	slices.Sort(gsids)
	if more := len(gsids) - maxCandidates; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(gsids[:maxCandidates], ", "), more)
	}
	return strings.Join(gsids, ", ")
}
