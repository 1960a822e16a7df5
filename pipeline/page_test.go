package pipeline

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"gsbatch/checkpoint"
	"gsbatch/writers"
)

// TestPageOfALongRunIsSmall wants bounded lists that say how much they leave out.
func TestPageOfALongRunIsSmall(t *testing.T) {
	t.Parallel()
	rows := 20_000
	if testing.Short() {
		rows = 2000
	}
	run := longRun(t, rows)
	r := reporter{run: run, actions: map[string]*checkpoint.Counts{}}
	for line, err := range run.Lines(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		r.count(&line)
	}
	p := new(writers.Page)
	if err := errors.Join(gatherPage(t.Context(), run, p), r.page(p, &ReportConfig{Summary: Summary(run.Info(), "")})); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := writers.EncodePage(&text, p); err != nil {
		t.Fatal(err)
	}
	if text.Len() > 60_000 {
		t.Errorf("%d bytes", text.Len())
	}
	sum := 0
	for _, a := range p.Actions {
		sum += a.Counts.Rows
	}
	if sum != rows || len(p.Actions) != 2 || p.Actions[1].Counts.Invalid != rows/4 {
		t.Errorf("%d of %d rows were planned: %+v", sum, rows, p.Actions)
	}
	if len(p.Kinds) != 2 || p.Kinds[0].Rows != rows/4 || p.Kinds[0].Others+len(p.Kinds[0].Samples) != rows/8+1 || p.Kinds[0].Samples[0].Rows != rows/8 {
		t.Errorf("kinds %+v", p.Kinds)
	}
	if !strings.Contains(text.String(), "other texts: see errors.csv") {
		t.Error("what is left out is not told")
	}
}

func TestGsidsIn(t *testing.T) {
	a, b := "1CG03GFNBH1NOBHOND412PHFQQEPGXWOQ1T9", "1CG0GSBEMULATOR03QNR6LFV10MNUENAALVY"
	got := gsidsIn("goal " + a + " is this row's, and so may be " + b + ", " + a + ": 1CG0SHORT, " + strings.ToLower(a))
	if strings.Join(got, " ") != a+" "+b {
		t.Errorf("%q", got)
	}
}

func TestShortPlace(t *testing.T) {
	for place, want := range map[string]string{"goals.csv:7:12": "line 7", "goals.csv:7": "line 7", "goals.csv:Goals!C42": "Goals!C42", "other.csv:7": "other.csv:7", "row 7": "row 7", "": ""} {
		if got := shortPlace("goals.csv", place); got != want {
			t.Errorf("%q: %q, want %q", place, got, want)
		}
	}
}
