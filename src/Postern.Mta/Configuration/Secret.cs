namespace Postern.Mta.Configuration;

/// <summary>
/// A secret by reference, <c>file:/path</c> or <c>env:NAME</c>; its text never shows what it refers to.
/// </summary>
/// <param name="Reference">As written in the configuration.</param>
/// <param name="Value">What was read at load: UTF-8, one final line end dropped.</param>
public sealed record Secret(string Reference, string Value)
{
    public override string ToString() => Reference;
}
