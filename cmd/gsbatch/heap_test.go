package main

import "testing"

// The heap doubles while it is small, or must be looked through; beside large
// tables without pointers it grows by little.
func TestPace(t *testing.T) {
	for _, tt := range []struct {
		live, scanned uint64
		want          int
	}{
		{0, 0, 100},
		{8 << 20, 1 << 20, 100},
		{40 << 20, 40 << 20, 100},
		{40 << 20, 2 << 20, 20},
		{32 << 20, 16 << 20, 50},
		{1 << 30, 1 << 20, 10},
	} {
		if got := pace(tt.live, tt.scanned); got != tt.want {
			t.Errorf("pace(%d MB, %d MB) = %d, want %d", tt.live>>20, tt.scanned>>20, got, tt.want)
		}
	}
}
