package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// example is a command of a console block of the README: its words, its exit
// code (# exit N), and what it prints on stdout.
type example struct {
	line string
	code int
	want []string
}

// TestReadme runs every console block of the README in one folder with the
// samples. RUN stands for the id of a run, and ... for a folder.
func TestReadme(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"goals.xlsx", "messy.csv", "messy-mapping.yaml", "problems.csv", "id-map.csv", "templates.csv", "metrics.csv"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "samples", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	env := map[string]string{"HOME": dir, "GSBATCH_STATE": filepath.Join(dir, "state")}
	examples := consoleBlocks(string(readme))
	if len(examples) < 5 {
		t.Fatalf("%d examples found", len(examples))
	}
	for _, e := range examples {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), words(e.line), strings.NewReader(""), &stdout, &stderr, func(name string) string { return env[name] })
		if code != e.code {
			t.Errorf("gsbatch %s: exit %d, want %d\n%s", e.line, code, e.code, stderr.String())
		}
		if len(e.want) == 0 {
			continue
		}
		got := regexp.MustCompile(`[a-z0-9]{8}-\d{8}`).ReplaceAllString(stdout.String(), "RUN")
		got = strings.ReplaceAll(got, filepath.Join(dir, "gsbatch-out", "RUN"), "...")
		if want := strings.Join(e.want, "\n") + "\n"; got != want {
			t.Errorf("gsbatch %s prints\n%sbut the README says\n%s", e.line, got, want)
		}
	}
}

func consoleBlocks(text string) []example {
	var list []example
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch command, isCommand := strings.CutPrefix(line, "$ gsbatch "); {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case inside && isCommand:
			e := example{line: command}
			if before, code, found := strings.Cut(command, "  # exit "); found {
				e.line = before
				_, _ = fmt.Sscan(code, &e.code)
			}
			list = append(list, e)
		case inside:
			last := &list[len(list)-1]
			last.want = append(last.want, line)
		}
	}
	return list
}

// words splits a command line at blanks outside double quotes.
func words(line string) []string {
	var list []string
	for _, word := range regexp.MustCompile(`(?:[^\s"]|"[^"]*")+`).FindAllString(line, -1) {
		list = append(list, strings.ReplaceAll(word, `"`, ""))
	}
	return list
}
