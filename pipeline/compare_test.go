package pipeline

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gsbatch/gainsight"
)

func TestSameValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field, sent, read string
		same              bool
	}{
		{"Name", `"x"`, `"x"`, true},
		{"Name", `" x "`, `"x"`, true},
		{"Name", `"x"`, `"X"`, false},
		{"Name", `"007"`, `"7"`, false},
		{"Name", `"2026-01-01"`, `"2026-01-01 kick-off"`, false},
		{"DueDate", `"2026-01-01"`, `"2026-01-01T00:00:00.000Z"`, true},
		{"DueDate", `"2026-01-01"`, `1767225600000`, true},
		{"DueDate", `"2026-01-02"`, `1767225600000`, false},
		{"DueDate", `null`, ``, true},
		{"DueDate", `null`, `"2026-01-01"`, false},
		{"n__gc", `10.0`, `10`, true},
		{"n__gc", `"10.50"`, `10.5`, true},
		{"n__gc", `12345678901234567`, `12345678901234568`, false},
		{"n__gc", `0`, ``, false},
		{"b__gc", `true`, `true`, true},
		{"b__gc", `false`, ``, false},
		{"t__gc", `"a\r\nb"`, `"a\nb"`, true},
		{"Description", `"a & b"`, `"a &amp; b"`, true},
		{"Description", `"<b>a</b>"`, `"&lt;b>a&lt;/b>"`, false},
		{"Description", `"<P>a\n  b</P>"`, `"<p>a b</p>"`, true},
		{"Description", `"<br>"`, `"<br/>"`, true},
		{"Description", `"a\nb"`, `"a b"`, false},
		{"Description", `"<pre>a\nb</pre>"`, `"<pre>a b</pre>"`, false},
		{"Description", `"<p>a b</p>"`, `"<p>ab</p>"`, false},
		{"Description", `"<a href=\"x\">a</a>"`, `"<a href='x'>a</a>"`, true},
		{"Description", `"<a href=\"x\">a</a>"`, `"<a href='y'>a</a>"`, false},
	} {
		if got := sameValue(c.field, json.RawMessage(c.sent), json.RawMessage(c.read)); got != c.same {
			t.Errorf("%s: sent %s, read %s: same is %v", c.field, c.sent, c.read, got)
		}
	}
}

// TestPayloadIsCanonical takes items apart and together again.
func TestPayloadIsCanonical(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		item := gainsight.Item{Record: []gainsight.Field{{Name: "Gsid", Value: gainsight.String("1CG0")}}}
		for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Z][a-z]{1,8}`), 0, 6, func(s string) string { return s }).Draw(t, "fields") {
			value := rapid.OneOf(
				rapid.Map(rapid.String(), gainsight.String),
				rapid.Just(gainsight.Null()),
				rapid.Just(gainsight.Number("10.0")),
				rapid.Just(gainsight.Bool(true)),
				rapid.Map(rapid.SliceOf(rapid.String()), gainsight.Strings),
			).Draw(t, "value")
			item.Record = append(item.Record, gainsight.Field{Name: name, Value: value})
		}
		ids := rapid.SliceOfN(rapid.StringMatching(`1S01[A-Z0-9]{4}`), 0, 3)
		item.Associate.CTA, item.Dissociate.SP = ids.Draw(t, "add"), ids.Draw(t, "remove")
		want := string(item.AppendJSON(nil))
		p, err := parsePayload(1, want)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.item(); got != want {
			t.Fatalf("%s\nbecame %s", want, got)
		}
	})
}

// TestSameValueOfWhatIsEchoed: a goal that has what was sent does not differ.
func TestSameValueOfWhatIsEchoed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := gainsight.String(rapid.String().Draw(t, "text")).AppendJSON(nil)
		for _, field := range []string{"Name", "Description", "x__gc"} {
			if !sameValue(field, text, text) {
				t.Fatalf("%s %s is not itself", field, text)
			}
		}
	})
}

// TestPlainTextsDifferByTheirBytes: without tags and entities nothing but line
// ends and outer blanks is passed over.
func TestPlainTextsDifferByTheirBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-c \n\r]{0,6}`)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		want := lineEnds(strings.TrimSpace(a)) == lineEnds(strings.TrimSpace(b))
		for _, field := range []string{"Name", "Description"} {
			if got := sameValue(field, gainsight.String(a).AppendJSON(nil), gainsight.String(b).AppendJSON(nil)); got != want {
				t.Fatalf("%s: %q and %q: same is %v", field, a, b, got)
			}
		}
	})
}
