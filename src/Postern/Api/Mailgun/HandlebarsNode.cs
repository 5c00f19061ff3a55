namespace Postern.Api.Mailgun;

/// <summary>A part of a parsed template.</summary>
abstract record HandlebarsNode
{
    HandlebarsNode() { }

    public sealed record Literal(string Text) : HandlebarsNode;

    /// <summary><c>{{x}}</c>.</summary>
    public sealed record Escaped(HandlebarsOperand Operand) : HandlebarsNode;

    /// <summary><c>{{{x}}}</c> and <c>{{&amp;x}}</c>.</summary>
    public sealed record Raw(HandlebarsOperand Operand) : HandlebarsNode;

    /// <summary><c>if</c>; <c>unless</c> has its branches the other way round.</summary>
    public sealed record If(
        HandlebarsOperand Operand, IReadOnlyList<HandlebarsNode> Then, IReadOnlyList<HandlebarsNode> Else)
        : HandlebarsNode;

    public sealed record Equal(
        HandlebarsOperand Left, HandlebarsOperand Right, IReadOnlyList<HandlebarsNode> Then,
        IReadOnlyList<HandlebarsNode> Else) : HandlebarsNode;

    public sealed record Each(
        HandlebarsOperand Operand, IReadOnlyList<HandlebarsNode> Body, IReadOnlyList<HandlebarsNode> Else)
        : HandlebarsNode;

    public sealed record With(
        HandlebarsOperand Operand, IReadOnlyList<HandlebarsNode> Body, IReadOnlyList<HandlebarsNode> Else)
        : HandlebarsNode;

    /// <summary><c>{{#x}}</c>: for each of a list, with an object, or if.</summary>
    public sealed record Section(
        HandlebarsOperand Operand, IReadOnlyList<HandlebarsNode> Body, IReadOnlyList<HandlebarsNode> Else)
        : HandlebarsNode;
}

/// <summary>What stands for a value in a tag.</summary>
abstract record HandlebarsOperand
{
    HandlebarsOperand() { }

    public sealed record Constant(TemplateValue Value) : HandlebarsOperand;

    /// <param name="Ups">How many <c>../</c> stand in front.</param>
    /// <param name="Names">Empty: <c>this</c> itself.</param>
    public sealed record Path(int Ups, IReadOnlyList<string> Names) : HandlebarsOperand;

    /// <summary><c>@root.x</c>.</summary>
    public sealed record RootPath(IReadOnlyList<string> Names) : HandlebarsOperand;

    /// <summary><c>@index</c>, <c>@key</c>, <c>@first</c>, <c>@last</c> of the loop around.</summary>
    /// <param name="Ups">How many loops further out.</param>
    public sealed record OfLoop(int Ups, string Name) : HandlebarsOperand;
}
