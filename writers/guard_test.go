package writers

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	for _, test := range []struct{ cell, want string }{
		{"", ""},
		{"IBM", "IBM"},
		{"=1+1", "'=1+1"},
		{"=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"},
		{"@SUM(A1)", "'@SUM(A1)"},
		{"+1", "+1"},
		{"-1", "-1"},
		{"-1.5", "-1.5"},
		{"-1,5", "-1,5"},
		{"-1.234,56", "-1.234,56"},
		{"-1E5", "-1E5"},
		{"-1e-5", "-1e-5"},
		{"-15%", "-15%"},
		{"-.5", "-.5"},
		{"-", "'-"},
		{"-%", "'-%"},
		{"-e5", "'-e5"},
		{"-1e", "'-1e"},
		{"-1e+-5", "'-1e+-5"},
		{"-1e5e5", "'-1e5e5"},
		{"--1", "'--1"},
		{"-1+1", "'-1+1"},
		{"-1 ", "'-1 "},
		{"-A1", "'-A1"},
		{"- a list item", "'- a list item"},
		{"+49 89 1234", "'+49 89 1234"},
		{"\t=1", "'\t=1"},
		{"\r=1", "'\r=1"},
		{"\n=1", "'\n=1"},
		{"＝1", "'＝1"},
		{"＋1", "'＋1"},
		{"－1", "'－1"},
		{"＠a", "'＠a"},
		{"｡a", "｡a"},
		{"'", "'"},
		{"'a", "'a"},
		{"''a", "''a"},
		{"'=1", "''=1"},
		{"''=1", "'''=1"},
		{"'-1", "''-1"},
		{"'＝1", "''＝1"},
		{"a=1", "a=1"},
		{" =1", " =1"},
	} {
		got := Guard(test.cell)
		if got != test.want {
			t.Errorf("Guard(%q) = %q, want %q", test.cell, got, test.want)
		}
		if back := Unguard(got); back != test.cell {
			t.Errorf("Unguard(%q) = %q, want %q", got, back, test.cell)
		}
	}
}

// TestUnguardOfATypedGuard holds that a guard put there by a person comes off.
func TestUnguardOfATypedGuard(t *testing.T) {
	for cell, want := range map[string]string{"'=1": "=1", "'-5": "-5", "'text": "'text", "'": "'", "'''": "'''"} {
		if got := Unguard(cell); got != want {
			t.Errorf("Unguard(%q) = %q, want %q", cell, got, want)
		}
	}
}

// TestGuardRandom checks 300,000 cells made of what matters to a guard.
func TestGuardRandom(t *testing.T) {
	alphabet := []string{"=", "+", "-", "@", "\t", "\r", "\n", "'", "'", "＝", "＋", "－", "＠", "\xef", "\xbc",
		"0", "1", "9", ".", ",", "e", "E", "%", "a", " ", "\"", ";", "ü", "\x00"}
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for range 300_000 {
		b.Reset()
		for range random.IntN(9) {
			b.WriteString(alphabet[random.IntN(len(alphabet))])
		}
		checkGuard(t, b.String())
	}
	t.Log("promise S3: 300,000 random cells, each comes back, none would run")
}

func FuzzGuard(f *testing.F) {
	for _, s := range []string{"", "=1", "'=1", "-1,5%", "－1"} {
		f.Add(s)
	}
	f.Fuzz(checkGuard)
}

// checkGuard holds the two laws of Guard, by a reading of its own.
func checkGuard(t *testing.T, cell string) {
	guarded := Guard(cell)
	if back := Unguard(guarded); back != cell {
		t.Fatalf("Unguard(Guard(%q)) = %q", cell, back)
	}
	first := []rune(guarded + "x")[0]
	if !strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return
	}
	if first != '+' && first != '-' || strings.Trim(guarded[1:], "0123456789.,eE+-%") != "" {
		t.Fatalf("Guard(%q) = %q would run", cell, guarded)
	}
	// What follows the sign has no operator but in an exponent.
	rest := strings.NewReplacer("e-", "", "e+", "", "E-", "", "E+", "").Replace(guarded[1:])
	if strings.ContainsAny(rest, "+-") {
		t.Fatalf("Guard(%q) = %q would run", cell, guarded)
	}
}
