package writers

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// noteWidth is how wide the box of a comment is, in columns.
const noteWidth = 3

// shapeType is that of comments, which shapes refer to.
const shapeType = `<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe"><v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>`

// shapesPerCluster is how many ids of shapes one number of the idmap covers.
const shapesPerCluster = 1024

// writeDrawing writes the boxes of the comments, which Excel wants as VML.
func (m *marker) writeDrawing(w io.Writer) error {
	n := &m.notes
	doc := `<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:x="urn:schemas-microsoft-com:office:excel"><o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data=""/></o:shapelayout></xml>`
	if !n.isNewDraw {
		text, err := m.parts.whole(n.drawing)
		if err != nil {
			return err
		}
		doc = withoutShapes(text, n.ours)
	}
	spaces := missingSpaces(doc)
	if !strings.Contains(doc, `id="_x0000_t202"`) {
		doc = beforeEnd(doc, strings.Replace(shapeType, " ", spaces+" ", 1))
	}
	shapes, clusters := n.shapes(doc, spaces, m.parts.index)
	_, err := io.WriteString(w, beforeEnd(mapIDs(doc, clusters), shapes))
	return err
}

// missingSpaces declares those of the namespaces of shapes that the drawing's
// root does not.
func missingSpaces(doc string) string {
	missing := ""
	for _, space := range []string{`xmlns:v="urn:schemas-microsoft-com:vml"`, `xmlns:o="urn:schemas-microsoft-com:office:office"`, `xmlns:x="urn:schemas-microsoft-com:office:excel"`} {
		if !strings.Contains(doc, space) {
			missing += " " + space
		}
	}
	return missing
}

// beforeEnd puts xml before the end of the document's root.
func beforeEnd(doc, xml string) string {
	end := strings.LastIndex(doc, "</")
	if end < 0 {
		return doc
	}
	return doc[:end] + xml + doc[end:]
}

// mapIDs claims the clusters of ids for the drawing.
func mapIDs(doc string, clusters []string) string {
	at := strings.Index(doc, "<o:idmap ")
	if at < 0 || len(clusters) == 0 {
		return doc
	}
	end := at + strings.IndexByte(doc[at:], '>') + 1
	tag := []byte(doc[at:end])
	old := ""
	if from, to := findAttr(tag, "data"); from >= 0 {
		old = string(tag[from:to])
	}
	if old != "" {
		clusters = append([]string{old}, clusters...)
	}
	return doc[:at] + string(setAttr(tag, "data", strings.Join(clusters, ","))) + doc[end:]
}

// shapes are the boxes of the new comments, with ids of clusters that the
// drawing does not have.
func (n *bookNotes) shapes(doc, spaces string, sheet int) (string, []string) {
	cluster := 100 * (sheet + 1)
	for strings.Contains(doc, `"_x0000_s`+strconv.Itoa(cluster*shapesPerCluster+1)+`"`) {
		cluster++
	}
	var out strings.Builder
	var clusters []string
	id := 0
	for i := range n.list {
		if n.list[i].done {
			continue
		}
		if id%(shapesPerCluster-1) == 0 {
			clusters = append(clusters, strconv.Itoa(cluster+id/(shapesPerCluster-1)))
		}
		number := (cluster+id/(shapesPerCluster-1))*shapesPerCluster + id%(shapesPerCluster-1) + 1
		id++
		out.WriteString(shapeOf(&n.list[i], spaces, number))
	}
	return out.String(), clusters
}

// shapeOf is the box of a comment, to the right of its cell, as high as its
// text needs.
func shapeOf(n *note, spaces string, id int) string {
	lines := 1
	for _, line := range strings.Split(notePrefix+n.text, "\n") {
		lines += 1 + len(line)/32
	}
	height := min(lines, 20)
	top := min(max(n.row-2, 0), maxSheetRows-height-1)
	left := min(n.column+1, maxSheetColumns-noteWidth-1)
	return fmt.Sprintf(`<v:shape%s id="_x0000_s%d" type="#_x0000_t202" style="position:absolute;margin-left:60pt;margin-top:1.5pt;width:180pt;height:%dpt;z-index:1;visibility:hidden" fillcolor="#ffffe1" o:insetmode="auto"><v:fill color2="#ffffe1"/><v:shadow on="t" color="black" obscured="t"/><v:path o:connecttype="none"/><v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div></v:textbox><x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:Anchor>%d, 15, %d, 10, %d, 15, %d, 4</x:Anchor><x:AutoFill>False</x:AutoFill><x:Row>%d</x:Row><x:Column>%d</x:Column></x:ClientData></v:shape>`,
		spaces, id, height*13, left, top, left+noteWidth, top+height, n.row-1, n.column)
}

// withoutShapes takes the boxes of comments off a drawing.
func withoutShapes(doc string, cells map[string]bool) string {
	if len(cells) == 0 {
		return doc
	}
	row, column := regexp.MustCompile(`<x:Row>\s*(\d+)\s*</x:Row>`), regexp.MustCompile(`<x:Column>\s*(\d+)\s*</x:Column>`)
	number := func(re *regexp.Regexp, shape string) int {
		found := re.FindStringSubmatch(shape)
		if found == nil {
			return -1
		}
		n, err := strconv.Atoi(found[1])
		if err != nil {
			return -1
		}
		return n
	}
	var out strings.Builder
	for {
		at := strings.Index(doc, "<v:shape ")
		end := -1
		if at >= 0 {
			end = strings.Index(doc[at:], "</v:shape>")
		}
		if end < 0 {
			out.WriteString(doc)
			return out.String()
		}
		end += at + len("</v:shape>")
		shape := doc[at:end]
		out.WriteString(doc[:at])
		if !strings.Contains(shape, `ObjectType="Note"`) || !cells[cellName(number(row, shape)+1, number(column, shape))] {
			out.WriteString(shape)
		}
		doc = doc[end:]
	}
}
