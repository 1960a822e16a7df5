package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A number of a JSONL file is sent as a number, also when its row comes back
// in errors.csv, and also when another number was put in its place.
func TestKindsSurviveTheReport(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	env := map[string]string{"HOME": dir, "GSBATCH_STATE": filepath.Join(dir, "state")}
	gsbatch := func(want int, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, func(name string) string { return env[name] })
		if code != want {
			t.Fatalf("gsbatch %v: exit %d, want %d\n%s", args, code, want, stderr.String())
		}
		return stdout.String()
	}
	row := `{"Name":"N","Status":"New","Entity Type":"COMPANY","Company":"Nobody","cust_number__gc":12,"cust_flag__gc":true,"cust_string_value__gc":"007"}` + "\n"
	if err := os.WriteFile("goals.jsonl", []byte(row+strings.ReplaceAll(row, `"Name":"N"`, `"Name":"M"`)), 0o600); err != nil {
		t.Fatal(err)
	}
	gsbatch(3, "import", "goals.jsonl", "--emulator")
	reports, err := filepath.Glob("gsbatch-out/*/errors.csv")
	if err != nil || len(reports) != 1 {
		t.Fatal(reports, err)
	}
	text, err := os.ReadFile(reports[0])
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("Nobody"), []byte("IBM"))
	text = bytes.Replace(text, []byte(",12,"), []byte(",13.5,"), 1)
	if err := os.WriteFile("mended.csv", text, 0o600); err != nil {
		t.Fatal(err)
	}
	gsbatch(0, "import", "mended.csv", "--emulator")
	for line, want := range map[string]string{"2": `13.5`, "3": `12`} {
		var shown struct {
			Payload struct{ Record map[string]any }
		}
		out := gsbatch(0, "runs", "show", "latest", "--row", line, "--json")
		decoder := json.NewDecoder(strings.NewReader(out))
		decoder.UseNumber()
		if err := decoder.Decode(&shown); err != nil {
			t.Fatal(err)
		}
		record := shown.Payload.Record
		if got, ok := record["cust_number__gc"].(json.Number); !ok || got.String() != want || record["cust_flag__gc"] != true || record["cust_string_value__gc"] != "007" {
			t.Errorf("row %s: %v", line, record)
		}
	}
}
