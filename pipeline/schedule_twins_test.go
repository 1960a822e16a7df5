package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gsbatch/checkpoint"
)

// Two runs of the same rows on one state folder, one after the other and at the
// same time, resumed until all is decided. The second knows the parents by name,
// as the first does, or by their ids, so that it cannot tell its rows from the
// other's; or its rows are meant to be created again. No row of either is
// created twice, and no goal is there for which no row of them stands.
func TestTwinSchedules(t *testing.T) {
	t.Parallel()
	n := uint64(number(t, "GSBATCH_SCHEDULES", schedules)) / 10
	if testing.Short() {
		n = schedules / 20
	}
	var sum tally
	eachSeed(t, n, func(t *testing.T, seed uint64) { twinSchedule(t, seed, &sum) })
	t.Logf("promise R1: two runs of the same rows: %s", &sum)
}

// twinRuns are the two of a schedule.
type twinRuns struct {
	*stage
	m       *model
	random  *rand.Rand
	settles waits
	allowed int // goals of a row of the file
}

func twinSchedule(t *testing.T, seed uint64, sum *tally) {
	random := rand.New(rand.NewPCG(seed, 44))
	s, m := newSimulated(t, seed, random)
	tw := &twinRuns{s, m, random, newWaits(s, m, random), 1}
	s.limits.Daily = 50000
	text, other := scheduleRows(random, 4+random.IntN(8), 8), planOptions{id: "b", onDuplicate: DuplicateCreate, skipInvalid: true}
	otherText := text
	switch random.IntN(3) {
	case 0:
		tw.allowed, other.again = 2, true
	case 1:
		tw.allowed, otherText = 2, tw.byIDs(text)
	}
	d := s.desk()
	s.closeRun(s.plan(d, text, planOptions{onDuplicate: DuplicateCreate}).Run)
	s.leave(d)
	ids := []string{"a"}
	for session := 0; session < 30; session++ {
		if len(ids) == 1 && random.IntN(2) == 0 {
			ids = append(ids, "b")
			if session > 0 {
				time.Sleep(2 * time.Hour) // a tenant that throttles is left alone for an hour
			}
			d := s.desk()
			s.closeRun(s.plan(d, otherText, other).Run)
			s.leave(d)
		}
		tw.round(ids, session >= calmFrom)
		if len(ids) == 2 && session > calmFrom && tw.decided(ids) {
			break
		}
		sum.sessions.Add(1)
	}
	time.Sleep(10 * time.Minute)
	m.underway.Wait()
	tw.judge(ids, sum)
}

// byIDs is the file with the ids of companies in place of their names.
func (tw *twinRuns) byIDs(text string) string {
	names := map[string]string{}
	for _, name := range []string{"IBM", "NEW", "Meta", "Indigo Rail", "Vega Robotics"} {
		id := tw.company(name)
		names[id] = name
		text = strings.ReplaceAll(text, ",COMPANY,"+name+",", ",COMPANY,"+id+",")
	}
	tw.m.companies = names
	return strings.Replace(text, ",Company,", ",CompanyId,", 1)
}

// round applies the runs, at the same time or one of them, each by a process of
// its own, which is asked to stop at some moment.
func (tw *twinRuns) round(ids []string, calm bool) {
	tw.Helper()
	tw.m.session(calm, nil)
	if tw.random.IntN(2) == 0 {
		ids = ids[tw.random.IntN(len(ids)):][:1]
	}
	var processes sync.WaitGroup
	for _, id := range ids {
		cfg := ApplyConfig{Workers: 1 + tw.random.IntN(4), Grace: time.Duration(1+tw.random.IntN(20)) * time.Second, Settle: tw.settles.next(tw.random, calm)}
		lasts, after := time.Duration(tw.random.IntN(300))*time.Second, time.Duration(tw.random.IntN(100))*time.Second
		if calm {
			lasts = 24 * time.Hour
		}
		processes.Go(func() {
			time.Sleep(after)
			tw.process(id, cfg, lasts)
		})
	}
	processes.Wait()
}

// process applies a run for some time.
func (tw *twinRuns) process(id string, cfg ApplyConfig, lasts time.Duration) {
	d := tw.desk()
	run := tw.lock(d, id)
	stop, cancel := context.WithTimeout(tw.Context(), lasts)
	defer cancel()
	out, err := tw.apply(stop, d, run, cfg)
	tw.m.log("run %s: %+v %+v %v", id, out.Counts, out.Stops, err)
	if locked := (*checkpoint.LockedError)(nil); err != nil && !errors.As(err, &locked) {
		tw.Errorf("run %s: %v", id, err)
	}
	tw.closeRun(run)
	tw.leave(d)
}

// decided says that nothing is left to be sent or settled in the runs.
func (tw *twinRuns) decided(ids []string) bool {
	d := tw.desk()
	defer tw.leave(d)
	left := 0
	for _, id := range ids {
		run := tw.lock(d, id)
		counts, err := run.Counts(tw.Context())
		if err != nil {
			tw.Fatal(err)
		}
		left += counts.Pending + counts.InDoubt
		tw.closeRun(run)
	}
	return left == 0
}

// judge holds both runs against the model's book: a goal has one row at most.
func (tw *twinRuns) judge(ids []string, sum *tally) {
	tw.Helper()
	d := tw.desk()
	defer tw.leave(d)
	sum.schedules.Add(1)
	sum.mishaps.Add(int64(tw.m.mishaps))
	owners, open, told := map[string]string{}, map[string]int{}, map[string]string{}
	for _, id := range ids {
		run := tw.lock(d, id)
		doubts, err := run.Doubts(tw.Context())
		if err != nil {
			tw.Fatal(err)
		}
		sum.doubts.Add(int64(len(doubts.Rows)))
		for _, r := range tw.rows(run) {
			key := tw.m.named(r.key)
			told[key] += fmt.Sprintf(" in %s %s %s (%s)", id, r.fate.Status, r.fate.Gsid, r.fate.Reason)
			sum.rows.Add(1)
			switch r.fate.Status {
			case checkpoint.Created:
				if owners[r.fate.Gsid] != "" || !slices.Contains(tw.m.carried[key], r.fate.Gsid) {
					sum.lost.Add(1)
					tw.Errorf("%s: %s answers for%s, and for row %s of %s", key, r.fate.Gsid, owners[r.fate.Gsid], key, id)
				}
				if r.fate.Code == "recovered" {
					sum.recovered.Add(1)
				}
				owners[r.fate.Gsid] += " row " + key + " of " + id
			case checkpoint.Parked, checkpoint.InDoubt:
				open[key]++
				sum.parked.Add(1)
			}
		}
		tw.closeRun(run)
	}
	for _, key := range slices.Sorted(maps.Keys(told)) {
		made, free := tw.m.carried[key], 0
		for _, gsid := range made {
			if owners[gsid] == "" {
				free++
			}
		}
		tw.m.log("%s was made as %q, and is told as%s", key, made, told[key])
		if len(made) > tw.allowed || free > open[key] {
			sum.twice.Add(1)
			tw.Errorf("%s was made as %q, and is told as%s", key, made, told[key])
		}
	}
	for _, came := range tw.m.came {
		sum.calls.Add(int64(came))
	}
}
