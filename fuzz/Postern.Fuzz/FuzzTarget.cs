using System.Diagnostics.CodeAnalysis;

namespace Postern.Fuzz;

/// <summary>A piece of the wire that takes any octets, and the laws it keeps whatever they are.</summary>
/// <remarks>
/// A run is a function of its input: no clock, no chance of its own, so that a finding is found again. It
/// ends with a <see cref="Finding"/> when a law is broken; any other exception is a finding too.
/// </remarks>
abstract class FuzzTarget
{
    /// <summary>The name on the command line and of the corpus folder.</summary>
    public abstract string Name { get; }

    /// <summary>Words of the grammar, escaped as <see cref="OctetText"/>; mutations put them in.</summary>
    public abstract IReadOnlyList<string> Words { get; }

    /// <summary>No input is longer.</summary>
    public virtual int OctetsMax => 4096;

    /// <summary>Runs one input and returns the shape of what happened: an input with a new shape is
    /// kept.</summary>
    public abstract int Run(byte[] input);

    /// <summary>Chance that depends on the input alone (FNV-1a of it).</summary>
    protected static Random ChanceOf(ReadOnlySpan<byte> input)
    {
        var hash = 2166136261;
        foreach (var octet in input)
            hash = unchecked((hash ^ octet) * 16777619);
        return new Random((int)(hash & int.MaxValue));
    }

    /// <summary>A size by its power of two, for shapes.</summary>
    protected static int Magnitude(long size) => 64 - (int)long.LeadingZeroCount(size);

    /// <summary>Combines parts of a shape, the same way in every process.</summary>
    protected static int Shape(params ReadOnlySpan<int> parts)
    {
        var hash = 17;
        foreach (var part in parts)
            hash = unchecked((hash * 31) + part);
        return hash;
    }
}

/// <summary>A law was broken.</summary>
/// <param name="law">The law, the same words at each breach.</param>
/// <param name="detail">What was seen.</param>
sealed class Finding(string law, string detail) : Exception($"{law}: {detail}")
{
    public string Law => law;

    public static void Unless([DoesNotReturnIf(false)] bool kept, string law, string detail = "")
    {
        if (!kept)
            throw new Finding(law, detail);
    }
}
