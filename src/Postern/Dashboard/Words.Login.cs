namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string SignIn { get; }
    public abstract string UserName { get; }
    public abstract string Password { get; }
    public abstract string NewPassword { get; }
    public abstract string SignInWithProvider { get; }
    public abstract string FirstTitle { get; }
    public abstract string FirstExplained { get; }
    public abstract string CreateAdmin { get; }
    public abstract string GoOnWithout { get; }
    public abstract string LinkExplained { get; }
    public abstract string NoPassword { get; }

    /// <summary>Why somebody is not signed in, and what to do.</summary>
    public abstract string Explain(LoginTrouble trouble);
}
