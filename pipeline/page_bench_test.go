package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/writers"
)

// BenchmarkPage writes report.html of a run of 200,000 rows: 140,000 created
// over three days, 10,000 rejected for reasons of their own, and 50,000 invalid,
// half of them for values that no other row has.
func BenchmarkPage(b *testing.B) {
	run := longRun(b, 200_000)
	cfg := ReportConfig{Summary: Summary(run.Info(), "")}
	var text bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		r := reporter{run: run}
		p := new(writers.Page)
		err := errors.Join(gatherPage(b.Context(), run, p), r.page(p, &cfg))
		text.Reset()
		if err == nil {
			err = writers.EncodePage(&text, p)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(text.Len()), "bytes")
}

// longRun is a run of rows of which every fourth is invalid and, of the others,
// every fifteenth rejected; 100 calls a minute, with pauses.
func longRun(tb testing.TB, rows int) *checkpoint.Run {
	tb.Helper()
	folder, err := checkpoint.Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	run, err := folder.Create(tb.Context(), checkpoint.Info{ID: "a", Object: "goals", CreatedAt: time.Now(), ReportDir: tb.TempDir(),
		Header: []string{"Name", "Status"}, Input: checkpoint.Input{Rows: int64(rows), Path: "goals.csv"}}, checkpoint.Holder{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = run.Close() })
	planLong(tb, run, rows)
	journalLong(tb, run, rows)
	if err := run.Fold(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	counts, err := run.Counts(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	if err := run.SetInfo(tb.Context(), func(info *checkpoint.Info) { info.State, info.Counts = checkpoint.Finished, counts }); err != nil {
		tb.Fatal(err)
	}
	return run
}

func isInvalid(seq int) bool { return seq%4 == 0 }

func planLong(tb testing.TB, run *checkpoint.Run, rows int) {
	tb.Helper()
	planner := run.Planner()
	for seq := 1; seq <= rows; {
		var batch checkpoint.Batch
		for ; batch.Rows() < planRows && seq <= rows; seq++ {
			cells := []checkpoint.Cell{{Text: fmt.Sprint("goal ", seq)}, {Text: "New"}}
			if isInvalid(seq) {
				value := fmt.Sprint("wrong ", seq%8*seq)
				problem := checkpoint.Problem{Place: fmt.Sprintf("goals.csv:%d:7", seq+1), Field: "StatusName", Code: "unknown-status", Value: value,
					Message: fmt.Sprintf("status %q is not in this tenant", value), Mend: fmt.Sprintf("map the value under columns: \"Status\": {field: StatusName, values: {%q: \"…\"}}", value)}
				batch.Add(int64(seq), seq+1, cells, nil, &checkpoint.Fate{Status: checkpoint.Invalid, Code: problem.Code, Reason: problem.Message}, []checkpoint.Problem{problem})
				continue
			}
			item := fmt.Sprintf(`{"record":{"Name":"goal %d","StatusId":"1I005IUOFEZ24SJ62ZBMHBO3HEB0OV9XW41D","EntityType":"COMPANY","CompanyName":"IBM","DueDate":"2027-06-30"}}`, seq)
			batch.Add(int64(seq), seq+1, cells, &checkpoint.Op{Seq: int64(seq), Line: seq + 1, Action: "create", Item: item}, nil, nil)
		}
		if err := planner.Write(tb.Context(), &batch); err != nil {
			tb.Fatal(err)
		}
	}
}

func journalLong(tb testing.TB, run *checkpoint.Run, rows int) {
	tb.Helper()
	j := run.Journal(func([]checkpoint.Event) {})
	var served sync.WaitGroup
	served.Go(func() {
		if err := j.Serve(); err != nil {
			tb.Error(err)
		}
	})
	at := time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC).UnixMilli()
	for seq := 1; seq <= rows; seq++ {
		if isInvalid(seq) {
			continue
		}
		e := checkpoint.Event{Kind: checkpoint.Outcome, Seq: int64(seq), Attempt: 1, At: at + 300, Status: checkpoint.Created, Gsid: fmt.Sprintf("1CG0%032d", seq), HTTP: 200, RequestID: "8f14e45f-ceea-467f-a0f0-9d6b1d5a2c11"}
		if seq%15 == 1 {
			e.Status, e.Code, e.Gsid, e.Reason = checkpoint.Rejected, "VC_8008", "", fmt.Sprintf("no company of the name %d", seq)
		}
		intent := checkpoint.Event{Kind: checkpoint.Intent, Seq: int64(seq), Attempt: 1, At: at}
		if at += 600; seq%50_000 == 1 {
			at += 15 * 3_600_000
		}
		j.Record(intent) // as Intend, without the wait for the disk
		j.Record(e)
	}
	j.Close()
	served.Wait()
}
