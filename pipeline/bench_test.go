package pipeline

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gsbatch/checkpoint"
)

// BenchmarkReport writes the reports of a run of 100,000 rows, one in a
// hundred of them rejected.
func BenchmarkReport(b *testing.B) {
	const rows = 100_000
	folder, err := checkpoint.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	run, err := folder.Create(b.Context(), checkpoint.Info{ID: "a", CreatedAt: time.Now(), ReportDir: b.TempDir(),
		Header: []string{"Name", "Status", "Entity Type", "Company"}, Input: checkpoint.Input{Rows: rows}}, checkpoint.Holder{})
	if err != nil {
		b.Fatal(err)
	}
	defer run.Close()
	fillRun(b, run, rows)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Report(b.Context(), run, ReportConfig{Summary: Summary(run.Info(), "")}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func fillRun(b *testing.B, run *checkpoint.Run, rows int) {
	b.Helper()
	planner := run.Planner()
	for seq := 1; seq <= rows; {
		var batch checkpoint.Batch
		for ; batch.Rows() < planRows && seq <= rows; seq++ {
			fate := &checkpoint.Fate{Status: checkpoint.Created, Gsid: "1CG03GFNBH1NOBHOND412PHFQQEPGXWOQ1T9", Attempts: 1, At: 1790000000000}
			if seq%100 == 0 {
				fate = &checkpoint.Fate{Status: checkpoint.Rejected, Code: "VC_8010", Reason: "Invalid StatusName provided in request", Attempts: 1, At: 1790000000000}
			}
			op := &checkpoint.Op{Seq: int64(seq), Line: seq + 1, Action: "create", Item: `{"record":{}}`}
			batch.Add(int64(seq), seq+1, []checkpoint.Cell{{Text: fmt.Sprint("goal ", seq)}, {Text: "New"}, {Text: "COMPANY"}, {Text: "IBM"}}, op, fate, nil)
		}
		if err := planner.Write(context.Background(), &batch); err != nil {
			b.Fatal(err)
		}
	}
}
