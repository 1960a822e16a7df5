package pipeline

import "testing"

func TestOpening(t *testing.T) {
	for name, tt := range map[string]struct {
		before int
		rows   []string // why each was rejected; "" not
		stops  int      // at this row, from 1; 0: never
	}{
		"all alike":                {0, repeat("A", 12), 10},
		"the second is good":       {0, append([]string{"A", ""}, repeat("A", 30)...), 0},
		"the first is good":        {0, append([]string{""}, repeat("A", 30)...), 0},
		"the tenth differs":        {0, append(repeat("A", 9), append([]string{"B"}, repeat("A", 30)...)...), 0},
		"nine":                     {0, repeat("A", 9), 0},
		"resumed after the stop":   {10, repeat("A", 30), 0},
		"resumed after a few rows": {3, repeat("A", 30), 0},
	} {
		o, stopped := opening{rows: tt.before}, 0
		for i, why := range tt.rows {
			if o.row(why) && stopped == 0 {
				stopped = i + 1
			}
		}
		if stopped != tt.stops {
			t.Errorf("%s: stopped at row %d, want %d", name, stopped, tt.stops)
		}
	}
}

func repeat(why string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = why
	}
	return list
}

func TestRetryBudget(t *testing.T) {
	for _, tt := range []struct {
		retried, calls int64
		over           bool
	}{{20, 20, false}, {21, 30, true}, {21, 210, false}, {100, 1000, false}, {101, 1000, true}} {
		if overRetried(tt.retried, tt.calls) != tt.over {
			t.Errorf("%d of %d: want %v", tt.retried, tt.calls, tt.over)
		}
	}
}
