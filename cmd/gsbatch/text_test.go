package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNeutral(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain äöü 日本 👩‍👩‍👧", "plain äöü 日本 👩‍👩‍👧"},
		{"a\tb\nc", "a\tb\nc"},
		{"\x1b]0;title\x07", `\x1b]0;title\x07`},
		{"a\rb", `a\x0db`},
		{"\u009b31m", `\x9b31m`},
		{"abc\u202egnp.exe", `abc\u202egnp.exe`},
		{"\u2066x\u2069\u200f", `\u2066x\u2069\u200f`},
		{"\u2028", `\u2028`},
		{"a\xffb\xc3", `a\xffb\xc3`},
		{"\x7f", `\x7f`},
	}
	for _, tt := range tests {
		if got := neutral(tt.in); got != tt.want {
			t.Errorf("neutral(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestNothingHarmfulIsPrinted(t *testing.T) {
	texts := 0
	rapid.Check(t, func(t *rapid.T) {
		texts++
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		if at := strings.IndexFunc(oneLine(s), harmful); at >= 0 {
			t.Fatalf("oneLine(%q): harmful at %d", s, at)
		}
		quoted := jsonText(s)
		if strings.IndexFunc(quoted, harmful) >= 0 {
			t.Fatalf("jsonText(%q) = %q", s, quoted)
		}
		var back string
		if err := json.Unmarshal([]byte(quoted), &back); err != nil || back != strings.ToValidUTF8(back, "") {
			t.Fatalf("jsonText(%q) = %q: %v", s, quoted, err)
		}
	})
	t.Logf("promise S5: %d random texts of bytes and of characters, as lines and as JSON: no control or bidi character printed", texts)
}

// TestConsoleCutsNoCharacter writes a text in pieces: the pieces do not show.
func TestConsoleCutsNoCharacter(t *testing.T) {
	const text = "日本 äöü \u202e 👍\n"
	const want = "日本 äöü \\u202e 👍\n"
	for size := 1; size < 8; size++ {
		var out bytes.Buffer
		c := newConsole(&out, newRedactor())
		for rest := []byte(text); len(rest) > 0; {
			n := min(size, len(rest))
			if wrote, err := c.Write(rest[:n]); wrote != n || err != nil {
				t.Fatalf("Write = %d, %v", wrote, err)
			}
			rest = rest[n:]
		}
		c.flush()
		if out.String() != want {
			t.Errorf("in pieces of %d: %q", size, out.String())
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"base-url", "timeout", "log-level", "state"}
	for in, want := range map[string]string{"baseurl": "base-url", "BASE_URL": "base-url", "timout": "timeout", "loglevle": "log-level", "xyzzy": ""} {
		if got := nearest(in, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestKeyNeverLogged logs the key in every way that slog knows.
func TestKeyNeverLogged(t *testing.T) {
	const key = `CANARY/+"k3y`
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		app := testApp(t, &out, nil)
		app.general.logFormat, app.general.logLevel = format, "debug"
		app.startLog()
		app.secrets.add(key)
		log := app.log.With("held", key).WithGroup("g" + key)
		log.Debug("msg "+key, "attr", key, key, "name", "err", errText(key), "group", slog.GroupValue(slog.String("in", key)),
			"header", map[string][]string{"Accesskey": {key}}, "bytes", "a"+key+"b", "esc", "CANARY%2F%2B%22k3y")
		app.stderr.flush()
		text := out.String()
		if strings.Contains(text, "CANARY") || strings.Contains(text, "k3y") {
			t.Errorf("%s: %s", format, text)
		}
		if !strings.Contains(text, "[redacted]") || !strings.Contains(text, "msg") {
			t.Errorf("%s: nothing logged: %s", format, text)
		}
	}
	t.Log("promise S1: logged in every way at level debug, as text and as JSON: 0 hits")
}

type errText string

func (e errText) Error() string { return "wrapped " + string(e) }

func TestEmit(t *testing.T) {
	var out bytes.Buffer
	app := testApp(t, &bytes.Buffer{}, nil)
	app.stdout = &out
	app.emulated = true
	if err := app.emit(map[string]string{"name": "<a> \u202e \u009b"}); err != nil {
		t.Fatal(err)
	}
	want := `{"schema_version":1,"emulated":true,"name":"<a> \u202e \u009b"}` + "\n"
	if out.String() != want {
		t.Errorf("%s, want %s", out.String(), want)
	}
	if err := app.emit([]int{1}); err == nil {
		t.Error("an array was emitted")
	}
}

func TestTable(t *testing.T) {
	table := newTable([]string{"RUN", "ROWS", "FILE"}, 1)
	table.add("k3f9", "7", "日本.csv")
	table.add("ab", "12000", "evil\x1b[2J\nname")
	var out strings.Builder
	if err := table.write(&out); err != nil {
		t.Fatal(err)
	}
	want := "RUN    ROWS  FILE\n" + "k3f9      7  日本.csv\n" + "ab    12000  evil\\x1b[2J name\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
