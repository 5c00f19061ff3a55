using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Postern.Api.Mailgun;

/// <summary>Walks the tree of a template once.</summary>
/// <remarks>Trees are no deeper than their parser lets them be, and so is the walk. What lies beyond a limit
/// ends it.</remarks>
sealed class HandlebarsRenderer(
    TemplateValue root, TemplateEscaping escaping, Func<string, string> fill, RenderLimits limits)
{
    const int StepCharacters = 1024;

    readonly StringBuilder output = new();
    long steps;
    bool isOver;

    public Rendering Render(IReadOnlyList<HandlebarsNode> nodes)
    {
        Walk(nodes, new Frame(root, null, null));
        return new Rendering(isOver ? null : output.ToString(), steps);
    }

    void Walk(IReadOnlyList<HandlebarsNode> nodes, Frame frame)
    {
        foreach (var node in nodes)
        {
            if (!Step(1))
                return;
            Walk(node, frame);
        }
    }

    void Walk(HandlebarsNode node, Frame frame)
    {
        switch (node)
        {
            case HandlebarsNode.Literal literal:
                Write(literal.Text);
                break;
            case HandlebarsNode.Escaped escaped when escaping == TemplateEscaping.Html:
                WriteEscaped(ValueOf(escaped.Operand, frame).ToText());
                break;
            case HandlebarsNode.Escaped escaped:
                Write(ValueOf(escaped.Operand, frame).ToText());
                break;
            case HandlebarsNode.Raw raw:
                Write(ValueOf(raw.Operand, frame).ToText());
                break;
            case HandlebarsNode.If block:
                Walk(ValueOf(block.Operand, frame).IsEmpty ? block.Else : block.Then, frame);
                break;
            case HandlebarsNode.Equal block:
                var isEqual = ValueOf(block.Left, frame).ToText() == ValueOf(block.Right, frame).ToText();
                Walk(isEqual ? block.Then : block.Else, frame);
                break;
            case HandlebarsNode.Each block:
                WalkEach(ValueOf(block.Operand, frame), block.Body, block.Else, frame);
                break;
            case HandlebarsNode.With block:
                WalkWith(ValueOf(block.Operand, frame), block.Body, block.Else, frame);
                break;
            case HandlebarsNode.Section block:
                WalkSection(ValueOf(block.Operand, frame), block, frame);
                break;
            default:
                throw new UnreachableException();
        }
    }

    void WalkEach(
        TemplateValue value, IReadOnlyList<HandlebarsNode> body, IReadOnlyList<HandlebarsNode> otherwise,
        Frame frame)
    {
        var items = value switch
        {
            TemplateValue.Sequence sequence => sequence.Items.Select(
                (item, index) => (index.ToString(CultureInfo.InvariantCulture), item)),
            TemplateValue.Map map => map.Members.Select(member => (member.Key, member.Value)),
            _ => [],
        };
        var count = value switch
        {
            TemplateValue.Sequence sequence => sequence.Items.Count,
            TemplateValue.Map map => map.Members.Count,
            _ => 0,
        };
        if (count == 0)
            Walk(otherwise, frame);
        var index = 0;
        foreach (var (key, item) in items)
        {
            if (!Step(1))
                return;
            Walk(body, new Frame(item, frame, new Loop(index, key, index == count - 1)));
            index++;
        }
    }

    void WalkWith(
        TemplateValue value, IReadOnlyList<HandlebarsNode> body, IReadOnlyList<HandlebarsNode> otherwise,
        Frame frame)
    {
        if (value.IsEmpty)
            Walk(otherwise, frame);
        else
            Walk(body, new Frame(value, frame, null));
    }

    void WalkSection(TemplateValue value, HandlebarsNode.Section block, Frame frame)
    {
        switch (value)
        {
            case TemplateValue.Sequence:
                WalkEach(value, block.Body, block.Else, frame);
                break;
            case TemplateValue.Flag or TemplateValue.Nothing:
                Walk(value.IsEmpty ? block.Else : block.Body, frame);
                break;
            default:
                WalkWith(value, block.Body, block.Else, frame);
                break;
        }
    }

    TemplateValue ValueOf(HandlebarsOperand operand, Frame frame)
    {
        switch (operand)
        {
            case HandlebarsOperand.Constant constant:
                return constant.Value;
            case HandlebarsOperand.RootPath path:
                return Follow(root, path.Names);
            case HandlebarsOperand.Path path:
                var at = frame;
                for (var up = 0; up < path.Ups; up++)
                {
                    if (at.Parent is not { } parent)
                        return TemplateValue.Missing;
                    at = parent;
                }
                return Follow(at.This, path.Names);
            case HandlebarsOperand.OfLoop fact:
                return FactOf(fact, frame);
            default:
                throw new UnreachableException();
        }
    }

    static TemplateValue Follow(TemplateValue value, IReadOnlyList<string> names)
    {
        foreach (var name in names)
            value = value.Find(name);
        return value;
    }

    static TemplateValue FactOf(HandlebarsOperand.OfLoop fact, Frame frame)
    {
        var ups = fact.Ups;
        for (var at = frame; at is not null; at = at.Parent)
        {
            if (at.Loop is not { } loop || ups-- > 0)
                continue;
            return fact.Name switch
            {
                "index" => TemplateValue.NumberOf(loop.Index.ToString(CultureInfo.InvariantCulture)),
                "key" => new TemplateValue.Words(loop.Key),
                "first" => new TemplateValue.Flag(loop.Index == 0),
                "last" => new TemplateValue.Flag(loop.IsLast),
                _ => throw new UnreachableException(),
            };
        }
        return TemplateValue.Missing;
    }

    void Write(string text)
    {
        if (!Step(text.Length / StepCharacters))
            return;
        var filled = fill(text);
        if (HasRoomFor(filled.Length))
            output.Append(filled);
    }

    void WriteEscaped(string text)
    {
        if (!Step(text.Length / StepCharacters))
            return;
        var filled = fill(text);
        if (!HasRoomFor(filled.Length))
            return;
        foreach (var c in filled)
        {
            _ = c switch
            {
                '&' => output.Append("&amp;"),
                '<' => output.Append("&lt;"),
                '>' => output.Append("&gt;"),
                '"' => output.Append("&quot;"),
                '\'' => output.Append("&#x27;"),
                '`' => output.Append("&#x60;"),
                '=' => output.Append("&#x3D;"),
                _ => output.Append(c),
            };
        }
        HasRoomFor(0);
    }

    bool HasRoomFor(int characters)
    {
        isOver |= output.Length + (long)characters > limits.CharactersMax;
        return !isOver;
    }

    bool Step(int count)
    {
        steps += count;
        isOver |= steps > limits.StepsMax;
        return !isOver;
    }

    /// <summary>What <c>this</c> is, and what it was outside.</summary>
    /// <param name="Loop">Null: no loop begins here.</param>
    sealed record Frame(TemplateValue This, Frame? Parent, Loop? Loop);

    readonly record struct Loop(int Index, string Key, bool IsLast);
}
