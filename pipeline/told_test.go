package pipeline

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// What becomes durable is logged at level debug, and told as progress; rows
// that were decided without a call were not sent.
func TestWhatApplyTells(t *testing.T) {
	t.Parallel()
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
		s := newStage(t, "")
		d := s.desk()
		text := "Name,Status,Entity Type,Company\n"
		for i := range 6 {
			text += fmt.Sprintf("goal %d,New,COMPANY,%s\n", i, []string{"IBM", "Nobody & Sons"}[i%2])
		}
		run := s.plan(d, text, planOptions{}).Run
		var log bytes.Buffer
		var last Status
		cfg := s.config(d, run)
		cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))
		cfg.Progress = func(status Status) { last = status }
		out, err := Apply(t.Context(), t.Context(), cfg)
		if err != nil || len(out.Stops) > 0 {
			t.Fatal(out.Stops, err)
		}
		s.expect(run, "created=3 rejected=3")
		if last.Sent != 4 || last.Counts != out.Counts || last.Counts.Pending != 0 {
			t.Errorf("told %+v, ended with %+v", last, out.Counts)
		}
		intents, outcomes := strings.Count(log.String(), "msg=intent "), strings.Count(log.String(), "msg=outcome ")
		if want := map[slog.Level][2]int{slog.LevelDebug: {4, 6}}[level]; [2]int{intents, outcomes} != want {
			t.Errorf("%v: %d intents and %d outcomes are logged", level, intents, outcomes)
		}
		s.closeRun(run)
		s.leave(d)
	}
}

// Ten rows that are refused for one reason, before any other, end the run.
func TestSameRefusalEndsTheRun(t *testing.T) {
	t.Parallel()
	for n, stops := range map[int]int{9: 0, 10: 1} {
		s := newStage(t, "")
		d := s.desk()
		text := "Name,Status,Entity Type,Company\n"
		for i := range 20 {
			company := "IBM"
			if i < n {
				company = "nobody " + strings.Repeat("x", i+1) // a name of its own each
			}
			text += fmt.Sprintf("goal %d,New,COMPANY,%s\n", i, company)
		}
		run := s.plan(d, text, planOptions{}).Run
		out := s.mustApply(d, run, ApplyConfig{Workers: 1})
		if len(out.Stops) != stops || stops > 0 && out.Stops[0].Reason != StopSameError {
			t.Errorf("%d refused: %+v", n, out.Stops)
		}
		if arrived := s.watch.count(); stops > 0 && arrived > 11 {
			t.Errorf("%d calls", arrived)
		}
		s.closeRun(run)
		s.leave(d)
	}
}

// A canary that only updates sings, too; one of several that does not end it.
func TestCanariesThatUpdate(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	made := s.plan(d, creates(1, 6), planOptions{}).Run
	s.mustApply(d, made, ApplyConfig{})
	text := "Gsid,Description\n"
	for _, r := range s.rows(made) {
		text += r.fate.Gsid + ",second\n"
	}
	s.closeRun(made)
	for id, fault := range map[string]string{"b": "", "c": "drop_before"} {
		run := s.plan(d, strings.ReplaceAll(text, "second", "second "+id), planOptions{id: id}).Run
		if fault != "" {
			s.set("faults.on=update,next." + fault + "=1")
		}
		out := s.mustApply(d, run, ApplyConfig{Canary: 3, Workers: 1})
		if fault == "" {
			s.expect(run, "updated=6")
		} else if !out.Has(StopCanary) {
			t.Errorf("%+v", out.Stops)
		}
		if out.Has(StopQuota) {
			t.Error("a stop that is none")
		}
		s.closeRun(run)
	}
	s.leave(d)
}
