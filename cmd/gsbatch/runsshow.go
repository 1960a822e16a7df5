package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gsbatch/checkpoint"
)

func runRunsShow(app *App, name string) (err error) {
	run, counts, err := viewRun(app, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	info := run.Info()
	info.Counts = counts
	if app.general.json {
		return app.emit(app.runJSON(info))
	}
	t := newTable([]string{"run", info.ID})
	t.add("state", string(info.State))
	t.add("command", whatOf(info))
	t.add("tenant", info.Tenant)
	t.add("input", info.Input.Path)
	for _, other := range []struct{ what, id string }{{parentWord(info), info.Parent}, {"amends", info.Amends}, {"superseded by", info.Superseded}} {
		if other.id != "" {
			t.add(other.what, other.id)
		}
	}
	t.add("created", info.CreatedAt.Local().Format(time.RFC3339))
	t.add("rows", countsText(counts))
	t.add("calls", fmt.Sprintf("%d, saved %d, throttled %d, retried %d", info.Calls.Total, info.Calls.Saved, info.Calls.Throttled, info.Calls.Retried))
	t.add("reports", info.ReportDir)
	if info.ResumeAt != nil {
		t.add("not before", info.ResumeAt.Local().Format(time.RFC3339))
	}
	if next := nextCommand(app, info, counts); next != "" {
		t.add("next", next)
	}
	if err := t.write(app.stdout); err != nil || counts.InDoubt+counts.Parked == 0 {
		return err
	}
	return tellDoubts(app.hard, app, run)
}

// parentWord is what a run does to its parent.
func parentWord(info checkpoint.Info) string {
	if info.Command == undoCommand {
		return "undoes"
	}
	return "retries"
}

// shownDoubts is how many rows in doubt runs show lists; in_doubt.csv has all.
const shownDoubts = 20

func tellDoubts(ctx context.Context, app *App, run *checkpoint.Run) error {
	t := newTable([]string{"IN DOUBT", "SINCE", "WHY"})
	n := 0
	for line, err := range run.Lines(ctx) {
		if err != nil {
			return err
		}
		if line.Fate.Status != checkpoint.InDoubt && line.Fate.Status != checkpoint.Parked {
			continue
		}
		if n++; n <= shownDoubts {
			t.add(fmt.Sprint("row ", line.Line), millis(line.Fate.At), line.Fate.Reason)
		}
	}
	if n > shownDoubts {
		t.add(fmt.Sprintf("and %d more in in_doubt.csv", n-shownDoubts))
	}
	return t.write(app.stdout)
}

func millis(at int64) string {
	if at == 0 {
		return ""
	}
	return time.UnixMilli(at).Local().Format("2006-01-02 15:04:05.000")
}
