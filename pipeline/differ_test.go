package pipeline

import (
	"testing"

	"pgregory.net/rapid"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// TestStoredLead wants of the text of an item what taking it apart gives,
// whatever texts the fields hold.
func TestStoredLead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`["\\:,{}NameX_gc ]{0,12}`), rapid.SampledFrom([]string{`"Name":"x"`, `\"Name\":\"x\"`, `","Name":"y`}))
		value := func() gainsight.Value {
			if rapid.Bool().Draw(t, "number") {
				return gainsight.Raw("12")
			}
			return gainsight.String(text.Draw(t, "text"))
		}
		item := gainsight.Item{}
		for _, name := range rapid.Permutation([]string{"Description", "Name", "name", "xName", "Name__gc"}).Draw(t, "fields") {
			if rapid.Bool().Draw(t, "has "+name) {
				item.Record = append(item.Record, gainsight.Field{Name: name, Value: value()})
			}
		}
		op := checkpoint.Op{Item: string(item.AppendJSON(nil))}
		for _, field := range []string{"Name", "Name__gc"} {
			p, err := parsePayload(1, op.Item)
			if err != nil {
				t.Fatal(err)
			}
			got, err := storedLead(&op, field)
			if want := p.Record.lead(field); got != want || err != nil {
				t.Fatalf("%s of %s: got %q, %v, want %q", field, op.Item, got, err, want)
			}
		}
	})
}
