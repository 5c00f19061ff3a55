using System.Diagnostics;

namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string SignIn => "Sign in";
    public override string UserName => "User name";
    public override string Password => "Password";
    public override string NewPassword => "Password, at least 8 characters";
    public override string SignInWithProvider => "Sign in with your organisation";
    public override string FirstTitle => "Welcome to Postern";
    public override string FirstExplained => "Nobody has an account here yet. Make the first one, an admin.";
    public override string CreateAdmin => "Create the admin";
    public override string GoOnWithout => "Look around without";
    public override string LinkExplained => "This link signs you in, once.";

    public override string NoPassword =>
        "No account yet? Postern prints a link when it starts, and so does: postern user link NAME";

    public override string Explain(LoginTrouble trouble) => trouble switch
    {
        LoginTrouble.Wrong => "User name or password is not right.",
        LoginTrouble.Throttled => "Too many attempts failed. Wait a while, then try again.",
        LoginTrouble.Busy => "Too many people sign in at this moment. Try again.",
        LoginTrouble.Link =>
            "This link has been used, or has ended. A new start of Postern, or \"postern user link NAME\","
            + " prints another.",
        LoginTrouble.Name =>
            "This name cannot be used: up to 64 characters, without / \\ # and without spaces at its ends.",
        LoginTrouble.Password => "The password must have 8 to 256 characters.",
        LoginTrouble.Form => "The page was too old, or the request came from somewhere else. Try again.",
        LoginTrouble.Oidc => "Your organisation's login did not say who you are. Try again.",
        LoginTrouble.Role => "You are known, but nobody has given you a role here. Ask an admin.",
        _ => throw new UnreachableException(),
    };
}
