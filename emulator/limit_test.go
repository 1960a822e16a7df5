package emulator

import (
	"testing"
	"time"
)

// On a real clock, whose times carry a second reading, a fixed window is one
// window from its first moment to its last.
func TestFixedWindowOnARealClock(t *testing.T) {
	start := alignedTo(time.Now(), 24*time.Hour)
	for range 1000 {
		if again := alignedTo(time.Now(), 24*time.Hour); !again.Equal(start) && again.Sub(start) != 24*time.Hour {
			t.Fatalf("the window that began at %v now begins at %v", start, again)
		}
	}
	tenant, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tenant.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := tenant.Set("limit=3/24h:fixed"); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for range 8 {
		status, _ := ask(t, tenant, "POST", "/v1/csgoal/external/admin/picklist", `{"entityIds":["COMPANY"]}`)
		if status == 429 {
			refused++
		}
	}
	if refused < 2 || refused > 5 { // 2: midnight struck in between
		t.Errorf("%d of 8 calls were refused, want 5", refused)
	}
}
