package checkpoint

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// benchRun is a run of n planned creates of a usual size.
func benchRun(b *testing.B, n int) *Run {
	b.Helper()
	folder, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	run, err := folder.Create(b.Context(), Info{ID: "a", Tenant: "acme", CreatedAt: time.Now(), Input: Input{Rows: int64(n)}}, Holder{})
	if err != nil {
		b.Fatal(err)
	}
	if err := run.SetInfo(b.Context(), func(i *Info) { i.State = Planned }); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := run.Close(); err != nil {
			b.Error(err)
		}
	})
	return run
}

func writePlan(b *testing.B, run *Run, n int) {
	b.Helper()
	planner := run.Planner()
	cells := []Cell{{Text: "Reach 80 % of seats in use"}, {Text: "On Track"}, {Text: "Adoption"}, {Text: "COMPANY"}, {Text: "IBM"}, {Text: "2027-06-30", Kind: 2}}
	for seq := 1; seq <= n; {
		var batch Batch
		for ; batch.Rows() < 4096 && seq <= n; seq++ {
			op := Op{Seq: int64(seq), Line: seq + 1, Action: "create", Lookups: `{"CompanyId":{}}`, Names: "company IBM",
				Item: fmt.Sprintf(`{"record":{"Name":"goal %d","StatusId":"1I005IUOFEZ24SJ62ZBMHBO3HEB0OV9XW41D","EntityType":"COMPANY","CompanyName":"IBM","DueDate":"2027-06-30"}}`, seq)}
			op.Key[0], op.Key[1], op.Key[2] = byte(seq), byte(seq>>8), byte(seq>>16)
			batch.Add(op.Seq, op.Line, cells, &op, nil, nil)
		}
		if err := planner.Write(b.Context(), &batch); err != nil {
			b.Fatal(err)
		}
	}
}

func rate(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// Intent and outcome of every row, from 64 workers, each on the disk.
func BenchmarkJournal(b *testing.B) {
	run := benchRun(b, 0)
	const rows = 64 * 200
	b.ReportAllocs()
	for b.Loop() {
		j := run.Journal(func([]Event) {})
		served := make(chan error, 1)
		go func() { served <- j.Serve() }()
		var workers sync.WaitGroup
		for range 64 {
			workers.Go(func() {
				for seq := range int64(200) {
					if err := j.Intend(intent(seq)); err != nil {
						b.Error(err)
						return
					}
					j.Record(Event{Kind: Outcome, Seq: seq, Attempt: 1, Status: Created, HTTP: 200,
						Gsid: "1CG03GFNBH1NOBHOND412PHFQQEPGXWOQ1T9", RequestID: "8b0a4c62-7d13-4c5e-9a57-2f14d6b3e001"})
				}
			})
		}
		workers.Wait()
		j.Close()
		if err := <-served; err != nil {
			b.Fatal(err)
		}
	}
	rate(b, rows)
}

func BenchmarkPlanWrite(b *testing.B) {
	const rows = 50_000
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		run := benchRun(b, rows)
		b.StartTimer()
		writePlan(b, run, rows)
	}
	rate(b, rows)
}

func BenchmarkPendingOps(b *testing.B) {
	const rows = 100_000
	run := benchRun(b, rows)
	writePlan(b, run, rows)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range run.PendingOps(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != rows {
			b.Fatal(n)
		}
	}
	rate(b, rows)
}

// What a report reads: cells, actions and fates of every row.
func BenchmarkLines(b *testing.B) {
	const rows = 100_000
	run := benchRun(b, rows)
	writePlan(b, run, rows)
	fates := map[int64]Fate{}
	for seq := int64(1); seq <= rows; seq++ {
		fates[seq] = Fate{Status: Created, Gsid: "1CG03GFNBH1NOBHOND412PHFQQEPGXWOQ1T9", Attempts: 1}
	}
	if err := run.SetFates(b.Context(), fates); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range run.Lines(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != rows {
			b.Fatal(n)
		}
	}
	rate(b, rows)
}
